import { expect, test } from 'vitest'
import { bootGuest } from '../../src/index.ts'

// With kernel.panic=-1 the console shows no last words; with 5 it does, and for five seconds the guest does not answer.
test.for([-1, 5])('a guest that reboots by itself after a panic (kernel.panic=%i) is waited for', async (seconds) => {
  await using guest = await bootGuest()
  await guest.exec(`sysctl kernel.panic=${seconds}; sync`)
  const before = (await guest.exec('cat /proc/sys/kernel/random/boot_id')).stdout
  void guest.exec('echo c > /proc/sysrq-trigger').catch(() => {})
  expect(await guest.waitForPanic()).toBe('sysrq triggered crash')
  await Promise.all([guest.reconnect(), guest.waitForUnit('ssh'), guest.waitForConsole(/login: /)])
  expect((await guest.exec('cat /proc/sys/kernel/random/boot_id')).stdout).not.toBe(before)
  expect([guest.state, guest.panics.length]).toEqual(['running', 1])
})
