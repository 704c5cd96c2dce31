import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'ssh2'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { CommandError, GuestError, SshError } from '../../src/errors.ts'
import { spawn } from '../../src/ssh/command/spawn.ts'
import { logIn, startSshServer, type SshServer } from '../support/ssh-server.ts'

let server: SshServer
let client: Client
/** The number of listeners of an idle connection. */
let listeners: number

/** An orphan may stay a zombie for as long as a container's first process likes. */
function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
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

test('streams go both ways while it runs', async () => {
  await using cat = await spawn(client, 'pwd; echo "$WHO" >&2; cat', { cwd: '/usr', env: { WHO: 'me' } })
  const [folder] = (await once(cat.stdout, 'data')) as [Buffer]
  expect(folder.toString()).toBe('/usr\n')
  expect(isAlive(cat.pid)).toBe(true)
  for (const line of ['one\n', 'two\n']) {
    cat.stdin.write(line)
    const [answer] = (await once(cat.stdout, 'data')) as [Buffer]
    expect(answer.toString()).toBe(line)
  }
  cat.stdin.end()
  expect(await text(cat.stderr)).toBe('me\n')
  expect(await cat.exit).toMatchObject({ exitCode: 0, failed: false, isTerminated: false })
  expect(await cat.kill()).toBe(false)
})

test('its output can still be read later', async () => {
  await using process = await spawn(client, 'echo out; exit 3')
  expect(await process.exit).toMatchObject({ exitCode: 3, failed: true })
  await sleep(50)
  expect(await text(process.stdout)).toBe('out\n')
})

describe('its end', () => {
  test('by a signal to its whole group, SIGTERM unless another is asked for', async () => {
    await using sleeper = await spawn(client, 'sleep 60 & echo $!; wait; true')
    const [line] = (await once(sleeper.stdout, 'data')) as [Buffer]
    expect(await sleeper.kill()).toBe(true)
    expect(await sleeper.exit).toMatchObject({ signal: 'SIGTERM', isTerminated: true, exitCode: undefined })
    await vi.waitFor(() => expect(isAlive(Number(line))).toBe(false), 10_000)
    await using trap = await spawn(client, "trap 'exit 4' HUP; echo; while :; do sleep 0.05; done")
    await once(trap.stdout, 'data')
    await trap.kill('SIGHUP')
    expect(await trap.exit).toMatchObject({ exitCode: 4, isTerminated: false })
    await expect(trap.kill('SIGX; reboot' as 'SIGHUP')).rejects.toThrow(GuestError)
  })

  test('by disposing', async () => {
    let pid: number
    {
      await using sleeper = await spawn(client, '(sleep 60; true) | cat')
      pid = sleeper.pid
      expect(isAlive(pid)).toBe(true)
    }
    await vi.waitFor(() => expect(isAlive(pid)).toBe(false), 10_000)
    expect(client.listenerCount('close')).toBe(listeners)
  })

  test('by its time-out and by its signal, its streams with it', async () => {
    await using late = await spawn(client, 'sleep 60', { timeout: 300 })
    expect(await late.exit).toMatchObject({ timedOut: true, isTerminated: true, exitCode: undefined })
    expect(await text(late.stdout)).toBe('')
    const controller = new AbortController()
    await using canceled = await spawn(client, 'sleep 60', { cancelSignal: controller.signal })
    controller.abort()
    expect(await canceled.exit).toMatchObject({ isCanceled: true, failed: true })
    await vi.waitFor(() => expect([late.pid, canceled.pid].some(isAlive)).toBe(false), 10_000)
  })

  test('before it started', async () => {
    const error = await spawn(client, 'true', { cancelSignal: AbortSignal.abort() }).catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(CommandError)
    expect(error).toMatchObject({ message: 'Command was canceled before it started: true', isCanceled: true })
  })

  test('with the connection', async () => {
    await using other = await startSshServer()
    const doomed = await logIn(other)
    const sleeper = await spawn(doomed, 'sleep 60')
    other.cut()
    await expect(sleeper.exit).rejects.toThrow(SshError)
    expect(await text(sleeper.stdout)).toBe('')
    expect(await sleeper.kill().catch((reason: unknown) => reason)).toBe(false)
    await sleeper[Symbol.asyncDispose]()
    await expect(spawn(doomed, 'true')).rejects.toThrow(SshError)
  })
})
