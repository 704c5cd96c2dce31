import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, expectTypeOf, test } from 'vitest'
import { bootGuest, CommandError, GuestError, type ExecResult, type Guest } from '../../src/index.ts'
import { nastyWords, wellFormed } from '../support/nasty-words.ts'
import { LIMITS } from '../support/time-limits.ts'

let guest: Guest

beforeAll(async () => {
  guest = await bootGuest()
})
afterAll(async () => {
  await guest[Symbol.asyncDispose]()
})

/** The number of `sleep`s with this many seconds, which nothing else in the guest has. */
async function sleepers(seconds: number): Promise<number> {
  const { stdout } = await guest.exec(`pgrep -cxf 'sleep ${seconds}'`, { reject: false })
  return Number(stdout)
}

test('no value escapes from its word', async () => {
  const words = nastyWords(150)
  const { stdout } = await guest.$({ stripFinalNewline: false })`printf '%s\0' ${words.slice(0, 1)} ${words.slice(1)}`
  expect(stdout.split('\0').slice(0, -1)).toEqual(words.map(wellFormed))
  await expect(guest.exec('test -e /tmp/broke-out')).rejects.toThrow(CommandError)
  expect(() => guest.$`echo ${'a\0b'}`).toThrow(GuestError)
})

test('a template takes options first, and returns bytes on request', async () => {
  const failed = await guest.$({ reject: false })`exit ${7}`
  expect(failed).toMatchObject({ exitCode: 7, failed: true, stdout: '' })
  const { stdout } = await guest.$({ encoding: 'buffer' })`printf ${String.raw`\377\000\n`}`
  expect(stdout).toEqual(Buffer.from([0xff, 0]))
  expect(stdout).toEqual((await guest.exec(String.raw`printf '\377\000'`, { encoding: 'buffer' })).stdout)
  expectTypeOf(guest.exec('true', { encoding: 'buffer' })).resolves.toEqualTypeOf<ExecResult<Buffer>>()
  expectTypeOf(guest.exec('true', { timeout: 60_000 })).resolves.toEqualTypeOf<ExecResult>()
  expectTypeOf(stdout).toEqualTypeOf<Buffer>()
  expectTypeOf(failed.stdout).toEqualTypeOf<string>()
})

test('a time-out or an abort ends the whole process group in the guest, with sub-shells and pipelines', async () => {
  const late = guest.exec('(sleep 4711; true) | (cat; sleep 4711)', { timeout: 10_000, reject: false })
  await expect.poll(() => sleepers(4711), { timeout: 9000 }).toBe(1)
  expect(await late).toMatchObject({ timedOut: true, isTerminated: true })
  await expect.poll(() => sleepers(4711), { timeout: LIMITS.soon }).toBe(0)

  const controller = new AbortController()
  const { signal: cancelSignal } = controller
  const canceled = guest.exec('(sleep 4712; true) | (sleep 4712; true)', { cancelSignal, reject: false })
  await expect.poll(() => sleepers(4712), { timeout: LIMITS.soon }).toBe(2)
  controller.abort()
  expect(await canceled).toMatchObject({ isCanceled: true })
  await expect.poll(() => sleepers(4712), { timeout: LIMITS.soon }).toBe(0)
})

test('a process has streams, a signal ends its group, and it is in the history', async () => {
  const sent = 'through the guest and back\n'
  await using process = await guest.spawn('cat; sleep 4713 | cat')
  process.stdin.end(sent)
  const [received] = (await once(process.stdout, 'data')) as [Buffer]
  expect(received.toString()).toBe(sent)
  await expect.poll(() => sleepers(4713), { timeout: LIMITS.soon }).toBe(1)
  const entry = guest.history.find(({ command }) => command === process.command)
  expect(entry).toMatchObject({ running: true, exitCode: undefined })
  expect(await process.kill()).toBe(true)
  expect(await process.exit).toMatchObject({ signal: 'SIGTERM' })
  expect(entry).toMatchObject({ running: false, signal: 'SIGTERM' })
  await expect.poll(() => sleepers(4713), { timeout: LIMITS.soon }).toBe(0)
})

test('too much output ends the command', async () => {
  const error: unknown = await guest.exec('yes', { maxBuffer: 1_000_000 }).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(CommandError)
  expect(error).toMatchObject({ isMaxBuffer: true, hint: expect.stringContaining('maxBuffer') as string })
  await expect.poll(async () => (await guest.exec('pgrep -xc yes', { reject: false })).stdout).toBe('0')
})

test("output of root's start-up files does not get into commands, files or archives", async () => {
  const before = await guest.readFile('/root/.bashrc')
  const folder = await mkdtemp(join(tmpdir(), 'commands-'))
  const endsOnce = 'if [ -e broken ]; then rm broken; echo out of order >&2; exit 0; fi'
  await guest.writeFile('/root/.bashrc', `echo hello; printf 267; echo warning >&2; ${endsOnce}\n`)
  try {
    expect(await guest.$`echo real; echo bad >&2`).toMatchObject({ stdout: 'real', stderr: 'bad' })
    await using process = await guest.spawn('echo $$; exec sleep 4714')
    const [line] = (await once(process.stdout, 'data')) as [Buffer]
    expect(process.pid).toBe(Number(line))
    expect(await process.kill()).toBe(true)
    expect(await process.exit).toMatchObject({ signal: 'SIGTERM' })
    expect(await guest.readFile('/etc/hostname', 'utf8')).toBe('guest\n')
    await guest.download('/etc/hostname', join(folder, 'hostname'))
    expect(await readFile(join(folder, 'hostname'), 'utf8')).toBe('guest\n')
    await guest.writeFile('broken', '')
    await expect(guest.$`echo real`).rejects.toThrow(
      /^The guest's login shell exited before the command ran \(exit code 0\): echo real\n/,
    )
  } finally {
    await guest.writeFile('/root/.bashrc', before)
    await rm(folder, { recursive: true })
  }
  expect((await guest.$`echo real`).stdout).toBe('real')
})

test('a pipeline fails when any of its commands does, unless that is allowed', async () => {
  const counting = 'cat /nonexistent | wc -l'
  await expect(guest.exec(counting)).rejects.toMatchObject({ name: 'CommandError', exitCode: 1, stdout: '0' })
  expect(await guest.exec(counting, { pipefail: false })).toMatchObject({ exitCode: 0, stdout: '0' })
  await using process = await guest.spawn(counting)
  expect(await process.exit).toMatchObject({ exitCode: 1 })
  // A list continues after a failure, and unset variables are empty: neither -e nor -u is set.
  expect((await guest.exec('false; echo "$NOT_SET$?"')).stdout).toBe('1')
})
