import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test, vi } from 'vitest'
import { HostError, ImageError } from '../../src/errors.ts'
import { explainBuildFailure } from '../../src/image/build/build-failure.ts'
import { holdLock, takeLock, tryLock } from '../../src/host/program/lock.ts'
import { findTool } from '../../src/host/program/tools.ts'
import { BuildProgress, FROM_NOTHING } from '../../src/image/build/build-progress.ts'
import { asRoot } from '../../src/image/build/build-step.ts'
import { evaluationCommand } from './support/node.ts'

const folder = mkdtempSync(join(tmpdir(), 'vitest-guest-test-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('the second builder waits for the first, and hears who that is', async () => {
  const path = join(folder, 'second.lock')
  const first = await takeLock(path, 'debian-12', () => {})
  const lines: string[] = []
  let taken = false
  const second = takeLock(path, 'debian-12', (line) => lines.push(line)).then((lock) => {
    taken = true
    return lock
  })
  const word = new RegExp(`^waiting for process ${process.pid}, which is building debian-12 \\(\\d+ s\\)$`)
  await vi.waitFor(() => expect(lines[0]).toMatch(word), { timeout: 15_000 })
  expect(taken).toBe(false)
  await first[Symbol.asyncDispose]()
  await (await second)[Symbol.asyncDispose]()
  expect(taken).toBe(true)
})

test('a builder killed outright holds the lock no longer', async () => {
  const path = join(folder, 'killed.lock')
  const take = `m.takeLock(${JSON.stringify(path)}, 'debian-12', () => {})`
  const [file, ...args] = evaluationCommand(
    'host/program/lock.ts',
    `${take}.then(() => (setInterval(() => {}, 1000), 'held'))`,
  )
  const holder = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  await once(holder.stdout, 'data')
  holder.kill('SIGKILL')
  const lock = await takeLock(path, 'debian-12', () => {}, AbortSignal.timeout(15_000))
  await lock[Symbol.asyncDispose]()
})

test('a wait for the lock ends when aborted', async () => {
  const path = join(folder, 'aborted.lock')
  const first = await takeLock(path, 'debian-12', () => {})
  await expect(takeLock(path, 'debian-12', () => {}, AbortSignal.timeout(50))).rejects.toThrow(/timeout/)
  await first[Symbol.asyncDispose]()
})

test.for([
  ['takeLock', (path: string) => takeLock(path, 'debian-12', () => {})],
  ['holdLock', (path: string) => holdLock(path)],
  ['tryLock', (path: string) => tryLock(path)],
] as const)('%s fails at once where no lock can be made', async ([, take]) => {
  const path = join(folder, 'nowhere', 'x.lock')
  const error: unknown = await take(path).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(HostError)
  expect((error as HostError).message).toMatch(`The lock ${path} cannot be taken: No such file or directory\n`)
  expect(error).toMatchObject({ path, hint: expect.stringContaining('VITEST_GUEST_CACHE') as string })
})

test.for(['takeLock', 'holdLock', 'tryLock'] as const)('%s fails at once when flock is missing', async (name) => {
  const bin = join(folder, name)
  mkdirSync(bin)
  const setpriv = findTool('setpriv') as string
  // Node's spawn also searches PATH, so the program that executes flock does not find it.
  writeFileSync(join(bin, 'setpriv'), `#!/bin/sh\nPATH=/nowhere exec ${setpriv} "$@"\n`, { mode: 0o755 })
  vi.stubEnv('PATH', bin)
  try {
    const path = join(folder, `${name}.lock`)
    const take = name === 'takeLock' ? takeLock(path, 'debian-12', () => {}) : { holdLock, tryLock }[name](path)
    await expect(take).rejects.toThrow(/cannot be taken: No such file or directory/)
  } finally {
    vi.unstubAllEnvs()
  }
})

test('an ordinary user builds in a user namespace; all that is started ends with us', () => {
  const words = (uid: number) => asRoot(['true'], uid).map((word) => word.split('/').at(-1))
  const common = ['--mount', '--pid', '--fork', '--kill-child', '--', 'true']
  expect(words(0)).toEqual(['unshare', ...common])
  expect(words(1000)).toEqual(['unshare', '--map-root-user', '--map-auto', ...common])
})

test('progress names the phase and how far it is', async () => {
  const lines: string[] = []
  const progress = new BuildProgress('debian-12', (line) => lines.push(line))
  progress.begin(FROM_NOTHING)
  const feed = ['I: extracting archives...', 'I: installing remaining packages inside the chroot...']
  feed.push(
    '0 upgraded, 2 newly installed, 0 to remove and 0 not upgraded.',
    'Get:1 http://example nginx',
    'Unpacking nginx ...',
  )
  feed.push('Setting up nginx ...', "I: running --customize-hook in shell: sh -c 'x'")
  for (const line of feed) progress.line(line)
  progress.done()
  await progress[Symbol.asyncDispose]()
  expect(lines).toEqual([
    'debian-12: 1/4 downloading the base system (0 s)',
    'debian-12: 2/4 installing the base system (0 s)',
    'debian-12: 3/4 installing packages (0 s)',
    'debian-12: 4/4 making the disk (0 s)',
    'debian-12: built in 0 s',
  ])
})

test.each([
  ['E: Unable to locate package ngnix', /this release of Debian has no package ngnix/, /image\.packages/],
  ['W: GPG error: … NO_PUBKEY 6ED0E7B82643E131', /signature could not be checked/, /debian-archive-keyring/],
  [
    'E: Release file for http://deb.debian.org/debian/dists/sid/InRelease is expired (invalid since 20d).',
    /mirror's http:.*InRelease is not of the present time/,
    /clock/,
  ],
  [
    'E: Failed to fetch http://security.debian.org/pool/x.deb  404  Not Found [IP: 203.0.113.80 80]',
    /the mirror has lost http:.*x\.deb/,
    /try again/,
  ],
  [
    'E: Failed to fetch http://deb.debian.org/x  Temporary failure resolving',
    /mirror could not be reached/,
    /http_proxy/,
  ],
  [
    'dpkg: error: cannot write: No space left on device',
    /No space to build .*\/cache\/images is full/,
    /VITEST_GUEST_CACHE/,
  ],
  ['E: something else', /could not be built: mmdebstrap failed/, /built in \/cache\/images/],
])('a build that says "%s" is explained', (stderr, what, hint) => {
  const failure = new ImageError('mmdebstrap failed (exit code 1)', { stderr, exitCode: 1 })
  const error = explainBuildFailure(failure, 'debian-12', '/cache/images')
  expect(error).toBeInstanceOf(ImageError)
  expect(error.message.split('\n')[0]).toMatch(what)
  expect((error as ImageError).hint).toMatch(hint)
  expect(error.cause).toBe(failure)
})
