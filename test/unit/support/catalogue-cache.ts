// Importing this gives each test of the file its own cache, without a proxy.
import { afterEach, beforeEach, expect, vi } from 'vitest'
import type { GuestError } from '../../../src/errors.ts'
import { resolveImage } from '../../../src/image/resolve-image.ts'
import { imageServer, rawDisk, send, sha256, type ImageServer } from './image-server.ts'
import { temporaryFolder } from './temporary-folder.ts'

export const DISK = rawDisk(65_536)
export const DIGEST = sha256(DISK)
export const DAY = 86_400_000
export const ROLLING = { vendor: 'opensuse-leap-16' } as const
export const ROLLING_URL =
  '/download.opensuse.org/distribution/leap/16.0/appliances/Leap-16.0-Minimal-VM.x86_64-Cloud.qcow2'
const NO_PROXY = { http_proxy: '', https_proxy: '', HTTP_PROXY: '', HTTPS_PROXY: '' }

/** The current test's cache. */
export const cache = () => process.env['VITEST_GUEST_CACHE'] ?? ''
export const said: string[] = []
export const resolve = (spec: Parameters<typeof resolveImage>[0]) =>
  resolveImage(spec, { onProgress: (line) => void said.push(line) })
export const failure = (work: Promise<unknown>): Promise<GuestError> =>
  work.then(
    () => expect.unreachable(),
    (error: unknown) => error as GuestError,
  )
beforeEach(() => {
  vi.stubEnv('VITEST_GUEST_CACHE', temporaryFolder())
  for (const [name, value] of Object.entries(NO_PROXY)) vi.stubEnv(name, value)
  said.length = 0
})
afterEach(() => {
  vi.unstubAllEnvs()
  vi.useRealTimers()
})

/** A mirror that only has openSUSE's rolling image. */
export async function mirror(): Promise<ImageServer & { disk: Buffer; checksums: () => number }> {
  const state = { disk: DISK }
  const server = await imageServer((request, response) => {
    if (request.url === ROLLING_URL) send(request, response, state.disk)
    // As at openSUSE: with the name of the build.
    else if (request.url === `${ROLLING_URL}.sha256`) response.end(`${sha256(state.disk)}  Leap-16.0-Build1.qcow2\n`)
    else response.writeHead(404).end()
  })
  vi.stubEnv('VITEST_GUEST_IMAGE_MIRROR', server.url)
  const checksums = () => server.asked.filter((path) => path.endsWith('.sha256')).length
  return Object.assign(state, server, { checksums })
}
