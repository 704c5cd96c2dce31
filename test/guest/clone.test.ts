import { afterAll, beforeAll, expect, test } from 'vitest'
import { bootGuest, type Guest } from '../../src/index.ts'
import { PHASES } from '../support/phases.ts'

/** The host's own tolerance, plus the time of the asking command under emulation. */
const CLOCK = { early: 0.5, late: 0.5 }

let guest: Guest

beforeAll(async () => {
  guest = await bootGuest()
})
afterAll(() => guest[Symbol.asyncDispose]())

// template.slow.test.ts tests twenty clones.
test("a clone has its phases, the host's clock, only our connection, no terminal, and no failed unit", async () => {
  expect(guest.started).toBe('warm')
  expect(guest.phases.map(({ name }) => name)).toEqual(PHASES.warm)
  const before = Date.now() / 1000
  const { stdout } = await guest.exec(
    `echo $EPOCHREALTIME
    ss -Htn state established '( sport = :22 )' | wc -l
    loginctl list-sessions --no-legend | grep -c pts || true
    systemctl --failed --no-legend --plain | wc -l`,
  )
  const [date, ...rest] = stdout.split('\n')
  expect(Number(date)).toBeGreaterThan(before - CLOCK.early)
  expect(Number(date)).toBeLessThan(Date.now() / 1000 + CLOCK.late)
  expect(rest).toEqual(['1', '0', '0'])
})

test("two clones have different entropy, and cannot use each other's snapshots", async () => {
  await using other = await bootGuest()
  const drawn = await Promise.all(
    [guest, other].map((each) => each.exec('od -An -N16 -tx1 /dev/urandom; cat /proc/sys/kernel/random/boot_id')),
  )
  const [[one, boot], [two, sameBoot]] = drawn.map(({ stdout }) => stdout.split('\n')) as [string[], string[]]
  expect(one).not.toBe(two)
  expect(boot).toBe(sameBoot)
  const snapshot = await guest.snapshot()
  await expect(other.restore(snapshot)).rejects.toThrow('This snapshot belongs to another guest')
})

test('snapshot and restore: RAM and disk go back, repeatedly; the clock and the entropy are current', async () => {
  await guest.$`sh -c ${'echo one > /root/file; sysctl -qw vm.swappiness=7'}`
  const before = guest.ssh
  const snapshot = await guest.snapshot()
  // It continues as if nothing had happened.
  expect(guest.ssh).toBe(before)
  const urandom = new Set<string>()
  for (let i = 0; i < 2; i++) {
    await guest.$`sh -c ${'echo two > /root/file; sysctl -qw vm.swappiness=9; systemctl stop systemd-logind; touch /root/new'}`
    await guest.restore(snapshot)
    expect(guest.ssh).not.toBe(before)
    const called = Date.now() / 1000
    const { stdout } = await guest.exec(
      'cat /root/file; sysctl -n vm.swappiness; systemctl is-active systemd-logind; ls /root/new 2>&1; od -An -N16 -tx1 /dev/urandom; date +%s.%N',
    )
    const [file, swappiness, logind, marker, random = '', date] = stdout.split('\n')
    expect({ file, swappiness, logind }).toEqual({ file: 'one', swappiness: '7', logind: 'active' })
    expect(marker).toContain('No such file')
    expect(Number(date)).toBeGreaterThan(called - CLOCK.early)
    expect(Number(date)).toBeLessThan(Date.now() / 1000 + CLOCK.late)
    urandom.add(random)
  }
  expect(urandom.size).toBe(2)
})
