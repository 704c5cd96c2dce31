import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'ssh2'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { CommandError, GuestError, SshError } from '../../src/errors.ts'
import { exec } from '../../src/ssh/command/exec.ts'
import { logIn, startSshServer, type SshServer } from '../support/ssh-server.ts'

let server: SshServer
let client: Client
/** The number of listeners of an idle connection. */
let listeners: number

/** Whether the process with the pid that the command printed still exists. */
function isAlive(pid: number | undefined): boolean {
  if (!pid) throw new TypeError('The pid is not known')
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Whether any process of the group does. */
function isGroupAlive(pid: number | undefined): boolean {
  return isAlive(pid && -pid)
}

beforeAll(async () => {
  server = await startSshServer()
  client = await logIn(server)
  listeners = client.listenerCount('close')
})
afterAll(async () => {
  client.destroy()
  await server[Symbol.asyncDispose]()
})

describe('a command that succeeds', () => {
  test('returns its output without the last line end', async () => {
    const result = await exec(client, 'echo out; echo; echo err >&2')
    expect(result).toEqual({
      command: 'echo out; echo; echo err >&2',
      stdout: 'out\n',
      stderr: 'err',
      exitCode: 0,
      signal: undefined,
      durationMs: expect.any(Number) as unknown,
      failed: false,
      timedOut: false,
      isCanceled: false,
      isMaxBuffer: false,
      isTerminated: false,
    })
  })

  test('returns its output unchanged on request, as text or bytes', async () => {
    await expect(exec(client, 'echo out', { stripFinalNewline: false })).resolves.toMatchObject({ stdout: 'out\n' })
    const { stdout } = await exec(client, String.raw`printf '\377\r\n'`, { encoding: 'buffer' })
    expect(stdout).toEqual(Buffer.from([0xff]))
  })

  test('reads its input to the end, whatever it contains', async () => {
    const input = Buffer.from([0, 255, 10, 13, 10])
    const { stdout } = await exec(client, 'cat', { input, encoding: 'buffer', stripFinalNewline: false })
    expect(stdout).toEqual(input)
    await expect(exec(client, 'cat', { input: 'häl\nlo' })).resolves.toMatchObject({ stdout: 'häl\nlo' })
  })

  test('finds the end of its input at once if there is none', async () => {
    await expect(exec(client, 'cat', { timeout: 4000 })).resolves.toMatchObject({ stdout: '' })
  })

  test('may leave its input unread', async () => {
    await expect(exec(client, 'true', { input: Buffer.alloc(5_000_000) })).resolves.toMatchObject({ exitCode: 0 })
  })

  test("may write and read megabytes, more than the channel's window", async () => {
    const input = Buffer.alloc(6_000_000, 'line of text\n')
    const { stdout } = await exec(client, 'cat', { input, stripFinalNewline: false })
    expect(Buffer.from(stdout).equals(input)).toBe(true)
  })

  test('runs at the same time as many others', async () => {
    const results = await Promise.all(Array.from({ length: 20 }, (_, index) => exec(client, `echo ${index}`)))
    expect(results.map(({ stdout }) => Number(stdout))).toEqual(Array.from({ length: 20 }, (_, index) => index))
  })
})

describe('a pipeline', () => {
  const counting = 'cat /does/not/exist | wc -l; exit $?'

  test('fails with any of its commands, unless that is allowed, in a shell with pipefail', async () => {
    await using bash = await startSshServer({ program: '/bin/bash' })
    const other = await logIn(bash)
    await expect(exec(other, counting)).rejects.toMatchObject({ exitCode: 1, stdout: '0' })
    expect(await exec(other, counting, { pipefail: false })).toMatchObject({ exitCode: 0, stdout: '0' })
    expect(await exec(other, 'false; echo "$NOT_SET$?"')).toMatchObject({ stdout: '1' })
    await expect(exec(other, 'true', { pipefail: 'no' as unknown as boolean })).rejects.toThrow(
      /^Option `pipefail` must/,
    )
  })

  test('still runs in a shell without pipefail', async () => {
    expect(await exec(client, `${counting}`, { pipefail: false })).toMatchObject({
      stdout: '0',
      stderr: expect.any(String) as unknown,
    })
    const { stdout, stderr } = await exec(client, 'echo went on')
    expect([stdout, stderr]).toEqual(['went on', ''])
  })
})

describe('its surroundings', () => {
  test('has the given folder and variables', async () => {
    const env = { GREETING: 'it\'s; $HOME `id` "x"\nsecond line', EMPTY: '' }
    const { stdout } = await exec(client, 'pwd; printf %s "$GREETING"; printf %s "${EMPTY-unset}"', {
      cwd: '/usr',
      env,
    })
    expect(stdout).toBe(`/usr\n${env.GREETING}`)
  })

  test('does not run in another folder if its own is missing', async () => {
    const error = await exec(client, 'echo ran; true', { cwd: '/does/not/exist' }).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(CommandError)
    expect(error).toMatchObject({
      stdout: '',
      command: 'echo ran; true',
      stderr: expect.stringContaining('/does/not') as unknown,
    })
  })

  test('refuses a name that a shell cannot export', async () => {
    await expect(exec(client, 'true', { env: { 'A;reboot': '' } })).rejects.toThrow(GuestError)
  })
})

describe('a command that fails', () => {
  test('rejects with its facts, its stderr in the message', async () => {
    const error = await exec(client, 'echo half; echo went wrong >&2; exit 3').catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(CommandError)
    expect(error).toMatchObject({
      message: [
        'Command failed with exit code 3: echo half; echo went wrong >&2; exit 3',
        'stdout:',
        '  | half',
        'stderr:',
        '  | went wrong',
      ].join('\n'),
      exitCode: 3,
      stdout: 'half',
      stderr: 'went wrong',
      elapsedMs: expect.any(Number) as unknown,
    })
  })

  test('resolves when asked not to reject', async () => {
    await expect(exec(client, 'exit 7', { reject: false })).resolves.toMatchObject({ exitCode: 7, failed: true })
  })

  test('says which signal ended it', async () => {
    const error = await exec(client, 'kill -TERM $$').catch((reason: unknown) => reason)
    expect(error).toMatchObject({ signal: 'SIGTERM', isTerminated: true, isCanceled: false })
    expect((error as CommandError).exitCode).toBeUndefined()
    expect((error as Error).message).toBe('Command was killed by SIGTERM: kill -TERM $$')
  })

  test('keeps the first line to one line for a script, and hints at a missing program', async () => {
    const error = await exec(client, '\nno-such-program\nexit $?\n').catch((reason: unknown) => reason)
    expect((error as Error).message).toMatch(/^Command failed with exit code 127: no-such-program …\n/)
    expect((error as CommandError).hint).toContain('packages')
  })
})

describe('a command that is ended', () => {
  test('by its time-out: quickly, with its output so far, and completely', async () => {
    const before = performance.now()
    const error = await exec(client, 'echo $$; sleep 60; true', { timeout: 2000 }).catch((reason: unknown) => reason)
    expect(performance.now() - before).toBeLessThan(10_000)
    expect(error).toBeInstanceOf(CommandError)
    expect((error as Error).message).toMatch(/^Command timed out after 2000 milliseconds: echo \$\$; sleep 60; true$/m)
    expect(error).toMatchObject({ timedOut: true, isTerminated: true, isCanceled: false })
    expect((error as CommandError).exitCode).toBeUndefined()
    await expect.poll(() => isAlive(Number((error as CommandError).stdout))).toBe(false)
  })

  test('by its time-out, without rejecting', async () => {
    const result = await exec(client, 'sleep 60', { timeout: 100, reject: false })
    expect(result).toMatchObject({ timedOut: true, isTerminated: true, failed: true, exitCode: undefined })
  })

  test("by its caller's signal, whose reason is the cause", async () => {
    const controller = new AbortController()
    const running = exec(client, 'sleep 60', { cancelSignal: controller.signal }).catch((reason: unknown) => reason)
    setTimeout(() => controller.abort(new Error('enough')), 200)
    const error = await running
    expect(error).toBeInstanceOf(CommandError)
    expect(error).toMatchObject({ message: 'Command was canceled: sleep 60', cause: { message: 'enough' } })
    expect(error).toMatchObject({ isCanceled: true, timedOut: false })
    await expect.poll(() => isAlive(server.commands.at(-1)?.pid)).toBe(false)
  })

  test('before it started', async () => {
    const before = server.commands.length
    await expect(exec(client, 'true', { cancelSignal: AbortSignal.abort() })).rejects.toThrow('Command was canceled')
    expect(server.commands).toHaveLength(before)
  })

  test('leaves the connection usable, and no listeners on it', async () => {
    await expect(exec(client, 'echo still here')).resolves.toMatchObject({ stdout: 'still here' })
    // Ending a command continues for a moment after its result.
    await expect.poll(() => client.listenerCount('close')).toBe(listeners)
  })
})

describe('too much output', () => {
  test.each([
    ['stdout', 'yes; true'],
    ['stderr', 'yes >&2; true'],
  ] as const)('on %s ends the command with its group, and is kept up to the limit', async (name, command) => {
    const error = await exec(client, command, { maxBuffer: 100_001 }).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(CommandError)
    expect(error).toMatchObject({ isMaxBuffer: true, isTerminated: true, timedOut: false })
    expect((error as Error).message).toContain('Command was killed because it wrote more than 100001 bytes: ')
    expect((error as Error).message.length).toBeLessThan(1000)
    expect((error as CommandError)[name]).toHaveLength(100_001)
    await expect.poll(() => isGroupAlive(server.commands.at(-1)?.pid)).toBe(false)
  })

  test('does not reject on request, and output of exactly the limit is fine', async () => {
    const options = { maxBuffer: 10, reject: false, stripFinalNewline: false }
    const result = await exec(client, 'printf 0123456789a', options)
    expect(result).toMatchObject({ stdout: '0123456789', isMaxBuffer: true, failed: true })
    await expect(exec(client, 'printf 0123456789', options)).resolves.toMatchObject({
      stdout: '0123456789',
      isMaxBuffer: false,
      failed: false,
    })
  })

  test('100 MB as bytes take that much memory only once', { timeout: 180_000 }, async () => {
    const size = 100_000_000
    const before = process.memoryUsage().rss
    let peak = before
    const watch = setInterval(() => (peak = Math.max(peak, process.memoryUsage().rss)), 10)
    const { stdout } = await exec(client, `head -c ${size} /dev/zero`, { encoding: 'buffer', stripFinalNewline: false })
    clearInterval(watch)
    peak = Math.max(peak, process.memoryUsage().rss)
    expect(stdout).toHaveLength(size)
    expect(stdout.every((byte) => byte === 0)).toBe(true)
    if (process.env['SHOW_MEMORY']) console.log(`grew by ${((peak - before) / 1e6).toFixed()} MB at most`)
    // Plus the packets of server and client, both in this process.
    expect(peak - before).toBeLessThan(1.8 * size)
  })
})

describe('a connection that is gone', () => {
  test('while a command runs', async () => {
    await using other = await startSshServer()
    const doomed = await logIn(other)
    const running = exec(doomed, 'echo first; sleep 60', { reject: false }).catch((reason: unknown) => reason)
    await sleep(2000)
    other.cut()
    const error = await running
    expect(error).toBeInstanceOf(SshError)
    expect(error).toMatchObject({ stdout: 'first\n', command: 'echo first; sleep 60' })
    expect((error as Error).message).toMatch(/^The SSH connection was lost before the command ended.*: echo first/)
  })

  test('before a command', async () => {
    await using other = await startSshServer()
    const ended = await logIn(other)
    ended.destroy()
    await expect(exec(ended, 'true')).rejects.toThrow(SshError)
  })
})

describe('what cannot be sent is refused, and the connection stays', () => {
  test.for([
    ['a NUL', () => exec(client, 'echo a\0b'), /^A command cannot contain a NUL character/],
    [
      'too long',
      () => exec(client, `: ${'x'.repeat(140_000)}`),
      /^A command can have at most 130994 bytes; this one, .* has 140043\n/,
    ],
    [
      'no text',
      () => exec(client, undefined as unknown as string),
      /^Option `command` must be a string; got undefined/,
    ],
    [
      'an input that is none',
      () => exec(client, 'cat', { input: [1] as unknown as string }),
      /^Option `input` must be text/,
    ],
    [
      'a limit that is none',
      () => exec(client, 'true', { maxBuffer: Number.NaN }),
      /^Option `maxBuffer` must be a number/,
    ],
    [
      'a variable that is none',
      () => exec(client, 'true', { env: { A: undefined as unknown as string } }),
      /^Option `env\.A` must/,
    ],
  ] as const)('%s', async ([, act, message]) => {
    const other = exec(client, 'sleep 0.3; echo fine')
    const error: unknown = await act().catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(GuestError)
    expect((error as Error).message).toMatch(message)
    expect((await other).stdout).toBe('fine')
  })
})
