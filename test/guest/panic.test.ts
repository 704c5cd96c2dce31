import { afterAll, beforeAll, expect, test } from 'vitest'
import { bootGuest, type Guest, type Snapshot } from '../../src/index.ts'

let guest: Guest
let healthy: Snapshot

beforeAll(async () => {
  guest = await bootGuest()
  healthy = await guest.snapshot()
})
afterAll(() => guest[Symbol.asyncDispose]())

const crash = () => void guest.exec('echo c > /proc/sysrq-trigger').catch(() => {})

test('a panic can be waited for, even afterwards, but only once', async () => {
  crash()
  expect(await guest.waitForPanic()).toBe('sysrq triggered crash')
  expect(guest.state).toBe('panicked')
  expect(guest.panics).toMatchObject([{ reason: 'sysrq triggered crash', isExpected: true }])
  const since = 0
  expect((await guest.waitForConsole(/Kernel panic - not syncing: (sysrq triggered crash)/, { since }))[1]).toBe(
    'sysrq triggered crash',
  )
  // No more output will come.
  await Promise.all(
    [guest.waitForPanic(), guest.waitForConsole(/nobody writes this/), guest.waitForFile('/')].map((wait) =>
      expect(wait).rejects.toThrow(/^The guest's kernel panicked: sysrq triggered crash/),
    ),
  )
  await expect(guest.reconnect()).rejects.toThrow(/^The guest's kernel panicked/)
})

test('a guest that was restored afterwards is alive', async () => {
  await guest.restore(healthy)
  expect(guest.state).toBe('running')
  await guest.waitForFile('/')
  await expect(guest.waitForPanic({ timeout: 0 })).rejects.toThrow(/waiting for a kernel panic: no panic$/)
})

test('a wait for the console that began before the panic matches it', async () => {
  // Its last line, after the stack.
  const waiting = guest.waitForConsole(/end Kernel panic - not syncing: (sysrq triggered crash)/, {
    since: guest.console.position,
  })
  crash()
  expect((await waiting)[1]).toBe('sysrq triggered crash')
  // No wait for it is left.
  await guest.restore(healthy)
})

test('an unexpected panic ends a wait at once', async () => {
  const waiting = guest.waitForFile('/run/never')
  crash()
  await expect(waiting).rejects.toMatchObject({
    name: 'BootError',
    message: expect.stringMatching(/^The guest's kernel panicked: sysrq triggered crash/) as string,
  })
  await guest.restore(healthy)
})
