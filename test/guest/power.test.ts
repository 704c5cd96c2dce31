import { once } from 'node:events'
import { createConnection } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bootGuest, type Guest } from '../../src/index.ts'
import { LIMITS } from '../support/time-limits.ts'

let guest: Guest

beforeAll(async () => {
  guest = await bootGuest()
  await guest.exec('touch /root/kept')
})
afterAll(() => guest[Symbol.asyncDispose]())

// power.slow.test.ts tests what boots again.
test('powerOff(): every call says at once that the guest is off, until a snapshot is restored', async () => {
  await using forward = await guest.forward(22)
  const snapshot = await guest.snapshot()
  await guest.powerOff()
  expect(guest.state).toBe('off')
  expect(guest.console.text).toMatch(/Power down/)
  const startedAt = performance.now()
  const off = {
    name: 'GuestError',
    message: expect.stringMatching(/^The guest is powered off\n[^]*guest\.start\(\)/) as string,
  }
  for (const call of [
    () => guest.exec('true'),
    () => guest.reconnect(),
    () => guest.connectSsh(),
    () => guest.connect(22),
    () => guest.snapshot(),
    () => guest.reboot(),
  ]) {
    await expect(call()).rejects.toMatchObject(off)
  }
  await expect(once(createConnection(forward), 'data')).rejects.toThrow(/ECONNRESET/)
  expect(performance.now() - startedAt).toBeLessThan(LIMITS.atOnce)
  await guest.powerOff()
  await guest.restore(snapshot)
  expect(guest.state).toBe('running')
  await guest.exec('test -e /root/kept')
})

test('a disposed guest is gone', async () => {
  await guest[Symbol.asyncDispose]()
  expect(guest.state).toBe('ended')
  await expect(guest.exec('true')).rejects.toThrow(/^The guest is gone: QEMU has exited, killed by SIGKILL/)
  await expect(guest.start()).rejects.toThrow(/^The guest is gone/)
})
