import { once } from 'node:events'
import { createConnection } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  bootGuest,
  GuestError,
  openNetwork,
  type Forward,
  type Guest,
  type GuestNetwork,
  type Snapshot,
} from '../../src/index.ts'
import { cardOf, identity } from '../support/identity.ts'
import { LIMITS } from '../support/time-limits.ts'

/** Milliseconds: a guest may be a second late, plus the cost of asking on a busy machine. */
const TOLERANCE = 800
/** RTC_SET_TIME of linux/rtc.h. */
const SET_RTC = `
import fcntl, struct, time
t = time.gmtime(time.time() + 3600)
rtc = open('/dev/rtc0')
fcntl.ioctl(rtc, 0x4024700a, struct.pack('9i', t.tm_sec, t.tm_min, t.tm_hour, t.tm_mday, t.tm_mon - 1, t.tm_year - 1900, 0, 0, 0))`

/** A kernel that would otherwise write out what is half a minute old, which a slow boot is. */
const WRITES_NOTHING_BY_ITSELF = { bootcmd: ['sysctl --quiet --write vm.dirty_writeback_centisecs=0'] }

async function clockError(guest: Guest): Promise<number> {
  const before = Date.now()
  const guests = Number((await guest.exec('date +%s.%N')).stdout) * 1000
  // The guest looked at its clock in between.
  return Math.max(before - guests, guests - Date.now(), 0)
}

let network: GuestNetwork
let guest: Guest
let forward: Forward
let snapshot: Snapshot
/** Boots beside the other one. */
let starting: Promise<Guest>

beforeAll(async () => {
  network = await openNetwork()
  const db = await network.boot({ hostname: 'db', address: '192.168.100.7', cloudConfig: WRITES_NOTHING_BY_ITSELF })
  await db.exec(`python3 -c "${SET_RTC}"`)
  await db.crash()
  starting = db.start().then(() => db)
  // Its test says why.
  starting.catch(() => {})
  // Not its template's identity.
  guest = await network.boot({ hostname: 'web' })
  forward = await guest.forward(22)
})
afterAll(() => network[Symbol.asyncDispose]())

const bootId = async () => (await guest.exec('cat /proc/sys/kernel/random/boot_id')).stdout

async function bannerThroughForward(): Promise<string> {
  const socket = createConnection(forward)
  const [banner] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  return banner.toString()
}

// power.test.ts tests powerOff(). The suite of the guide reboots a guest.
test('crash() loses what was not written; start() boots the same disk to a ready guest with the same identity', async () => {
  const before = await bootId()
  const self = await identity(guest)
  expect(self).toMatchObject({ hostname: 'web' })
  const { ssh } = guest
  await guest.exec('echo kept > /root/kept && sync /root/kept; echo gone > /run/gone')
  await guest.exec('echo lost > /root/lost')
  await guest.link.limit({ rate: '100mbit' })
  const running = guest.exec('sleep 1000')
  const startedAt = performance.now()
  const [cut] = await Promise.allSettled([running, guest.crash()])
  expect(cut).toMatchObject({
    reason: { name: 'SshError', message: expect.stringMatching(/connection was lost/) as string },
  })
  expect(guest.state).toBe('off')
  await expect(guest.exec('true')).rejects.toThrow(GuestError)
  expect(performance.now() - startedAt).toBeLessThan(LIMITS.atOnce)
  await guest.start()
  expect(guest.state).toBe('running')
  expect(guest.ssh).not.toBe(ssh)
  expect(await bootId()).not.toBe(before)
  expect((await guest.exec(`tc qdisc show dev ${cardOf(guest)}`)).stdout).toContain('tbf')
  const { stdout } = await guest.exec('cat /root/*; ls /run/gone /run/nologin; cat /run/cloud-init/result.json', {
    reject: false,
  })
  expect(stdout).toMatch(/^kept\n\{/)
  // Its names would not be on the disk yet, if that had not been taken care of.
  expect(await identity(guest)).toEqual(self)
  expect(guest.warnings).toEqual([])
  expect((await guest.exec('getent hosts db; grep -c "^# vitest-guest: " /etc/hosts')).stdout).toMatch(
    /^192\.168\.100\.7 +db\n1$/,
  )
  expect(await bannerThroughForward()).toMatch(/^SSH-2\.0-/)
})

test('a snapshot of a guest that has rebooted', async () => {
  snapshot = await guest.snapshot()
  await guest.exec('touch /root/after')
  await guest.restore(snapshot)
  expect((await guest.exec('ls /root')).stdout).toBe('kept')
  expect(Math.abs(Number((await guest.exec('date +%s')).stdout) * 1000 - Date.now())).toBeLessThan(5000)
})

test('a guest that reboots by itself is not handed out until it is up again', async () => {
  const since = guest.console.position
  let isConnected = false
  // It may be gone before it has reported its shutdown.
  await guest.exec('reboot').catch(() => {})
  const connected = guest.reconnect().then(() => (isConnected = true))
  await guest.waitForConsole(/reboot: Restarting system/, { since })
  expect(isConnected).toBe(false)
  // Faster than a boot.
  await guest.restore(snapshot)
  await connected
  expect((await guest.exec('ls /root')).stdout).toBe('kept')
})

test('a clone that crashes at once boots again, with its keys and the current time', async () => {
  const db = await starting
  expect(db.started).toBe('warm')
  expect((await db.exec('stat -c %s /etc/ssh/ssh_host_ed25519_key /root/.ssh/authorized_keys')).stdout).not.toMatch(
    /^0$/m,
  )
  // By its RTC it would be an hour slow.
  expect(await clockError(db)).toBeLessThan(TOLERANCE)
})

test('a cold guest has the current time, and keeps its kernel parameters after a crash', async () => {
  const kernelParameters = ['mitigations=auto', 'vitest.words="two words"']
  await using guest = await bootGuest({ start: 'cold', kernelParameters })
  expect(guest.phases.map(({ name }) => name)).toContain('clock')
  expect(await clockError(guest)).toBeLessThan(TOLERANCE)
  await guest.crash()
  await guest.start()
  expect((await guest.exec('cat /proc/cmdline')).stdout).toMatch(/ mitigations=auto vitest\.words="two words"$/)
})
