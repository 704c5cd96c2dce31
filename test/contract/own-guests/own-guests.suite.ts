import { bootGuest, expect, openNetwork, test } from 'vitest-guest'
import { commandLineOf, familyOf } from '../../support/processes.ts'

/** The number of guests that this worker runs. */
const machines = () => familyOf(process.pid).filter((pid) => /^\S*qemu-system/.test(commandLineOf(pid))).length

test('fails with a guest of its own', async () => {
  await using guest = await bootGuest({ hostname: 'own' })
  expect(machines()).toBe(1)
  await guest.$`echo asked own; logger -p user.warning the disk is nearly full`
  await guest.exec('exit 3')
})

test('passes with a guest of its own', async ({ network }) => {
  await using guest = await network.boot({ hostname: 'good' })
  expect(machines()).toBe(1)
  await guest.$`true`
})

test('a program crashes in one that is disposed', async () => {
  await using network = await openNetwork()
  const guest = await network.boot({ hostname: 'crashed' })
  await guest.exec(`python3 -c 'import ctypes; ctypes.string_at(0)'`, { reject: false })
})

test('a kernel panics in one that is not', async ({ network }) => {
  const guest = await network.boot({ hostname: 'panicked' })
  await guest.exec('echo c > /proc/sysrq-trigger', { reject: false }).catch(() => {})
})
