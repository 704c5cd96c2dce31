import { once } from 'node:events'
import { createConnection } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { GuestError, openNetwork, type Forward, type Guest, type GuestNetwork, type Snapshot } from '../../src/index.ts'
import { identity } from '../support/identity.ts'
import { LIMITS } from '../support/time-limits.ts'

let network: GuestNetwork
let guest: Guest
let forward: Forward
let snapshot: Snapshot

beforeAll(async () => {
  network = await openNetwork()
  await network.boot({ hostname: 'db', address: '192.168.100.7' })
  // Not who its template was.
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

// The suite of the guide reboots one, so this file boots but once.
test('crash() loses what was not written; start() boots from the same disk, to a guest that is ready, and who it was', async () => {
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
  expect((await guest.exec('tc qdisc show dev eth0')).stdout).toContain('tbf')
  const { stdout } = await guest.exec('cat /root/*; ls /run/gone /run/nologin; cat /run/cloud-init/result.json', {
    reject: false,
  })
  expect(stdout).toMatch(/^kept\n\{/)
  // Its names are on no disk yet when it first has them, unless it was seen to.
  expect(await identity(guest)).toEqual(self)
  expect(guest.warnings).toEqual([])
  expect((await guest.exec('getent hosts db; grep -c "^# vitest-guest: " /etc/hosts')).stdout).toMatch(
    /^192\.168\.100\.7 +db\n1$/,
  )
  expect(await bannerThroughForward()).toMatch(/^SSH-2\.0-/)
})

test('a snapshot of a guest that has booted again', async () => {
  snapshot = await guest.snapshot()
  await guest.exec('touch /root/after')
  await guest.restore(snapshot)
  expect((await guest.exec('ls /root')).stdout).toBe('kept')
  expect(Math.abs(Number((await guest.exec('date +%s')).stdout) * 1000 - Date.now())).toBeLessThan(5000)
})

test('a guest that reboots by itself is not given out until it is up again', async () => {
  const since = guest.console.position
  let isConnected = false
  // It may be gone before it has said that it goes.
  await guest.exec('reboot').catch(() => {})
  const connected = guest.reconnect().then(() => (isConnected = true))
  await guest.waitForConsole(/reboot: Restarting system/, { since })
  expect(isConnected).toBe(false)
  // Sooner than a boot.
  await guest.restore(snapshot)
  await connected
  expect((await guest.exec('ls /root')).stdout).toBe('kept')
})

test('powerOff(): off, and every call says so at once, until a snapshot brings it back', async () => {
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
  await expect(bannerThroughForward()).rejects.toThrow(/ECONNRESET/)
  expect(performance.now() - startedAt).toBeLessThan(LIMITS.atOnce)
  await guest.powerOff()
  await guest.restore(snapshot)
  expect(guest.state).toBe('running')
  expect((await guest.exec('ls /root')).stdout).toBe('kept')
})

test('a guest that has been disposed is gone', async () => {
  await guest[Symbol.asyncDispose]()
  expect(guest.state).toBe('ended')
  await expect(guest.exec('true')).rejects.toThrow(/^The guest is gone: QEMU has ended, by SIGKILL/)
  await expect(guest.start()).rejects.toThrow(/^The guest is gone/)
})
