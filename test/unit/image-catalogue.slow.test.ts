// Tests that wait between attempts to reach a server.
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { ImageError } from '../../src/errors.ts'
import { CATALOGUE } from '../../src/image/catalogue/catalogue.ts'
import { mirrored } from '../../src/image/catalogue/mirror.ts'
import { DAY, failure, mirror, resolve, ROLLING, ROLLING_URL, said } from './support/catalogue-cache.ts'

test('without a network: the URL, the digest, and what to do', { timeout: 30_000 }, async () => {
  // Nothing listens on port 9, discard.
  vi.stubEnv('VITEST_GUEST_IMAGE_MIRROR', 'http://127.0.0.1:9')
  const error = await failure(resolve({ vendor: 'fedora-43' }))
  const { url = '', digest } = CATALOGUE['fedora-43'].pinned ?? {}
  expect(error).toBeInstanceOf(ImageError)
  expect(error.message).toBe(
    `The image fedora-43 could not be downloaded from ${mirrored(url)}: connection refused (5 attempts); its digest is ${digest}\n` +
      'Behind a proxy, set HTTPS_PROXY. Without a network, fetch it elsewhere, then run: npx vitest-guest image add fedora-43 FILE',
  )
  const rolling = await failure(resolve(ROLLING))
  expect(rolling.message).toBe(
    `The digest of opensuse-leap-16 could not be read from http://127.0.0.1:9${ROLLING_URL}.sha256: connection refused\n` +
      'Behind a proxy, set HTTPS_PROXY. Without a network, fetch the image and its digest elsewhere, then run: npx vitest-guest image add opensuse-leap-16 FILE --sha256 DIGEST (or --sha512)',
  )
})

test('a rolling image in the cache needs no network, which is tried once a day', { timeout: 30_000 }, async () => {
  const server = await mirror()
  vi.useFakeTimers({ toFake: ['Date'] })
  const { disk } = await resolve(ROLLING)
  vi.stubEnv('VITEST_GUEST_IMAGE_MIRROR', 'http://127.0.0.1:9')
  vi.setSystemTime(Date.now() + 2 * DAY)
  expect((await resolve(ROLLING)).disk).toEqual(disk)
  const words = 'opensuse-leap-16: using the image in the cache, since http://127.0.0.1:9'
  expect(said.filter((line) => line.startsWith(words))).toHaveLength(1)
  await resolve(ROLLING)
  expect(said.filter((line) => line.startsWith(words))).toHaveLength(1)
  expect(server.checksums()).toBe(1)
  await rm(join(disk.path, '..'), { recursive: true })
  expect((await failure(resolve(ROLLING))).message).toContain('could not be downloaded from http://127.0.0.1:9')
})
