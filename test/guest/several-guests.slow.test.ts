import { beforeAll, afterAll, expect, test } from 'vitest'
import { openNetwork, prepareGuest, type Guest, type GuestNetwork } from '../../src/index.ts'
import { cardOf, identity } from '../support/identity.ts'

const told: string[] = []
let network: GuestNetwork
let web: Guest
let db: Guest

beforeAll(async () => {
  await prepareGuest()
  network = await openNetwork()
  const onProgress = (line: string) => void told.push(line)
  ;[web, db] = await Promise.all([
    network.boot({ hostname: 'web', onProgress }),
    network.boot({ hostname: 'db', onProgress }),
  ])
})
afterAll(() => network[Symbol.asyncDispose]())

async function addressOf(guest: Guest, name: string): Promise<string> {
  const { stdout } = await guest.exec(`getent ahostsv4 ${name} | head -1 | cut -d' ' -f1`, { pipefail: false })
  return stdout
}

test('similar guests are clones of one template, each with its own name, address and keys', async () => {
  expect([web.started, db.started]).toEqual(['warm', 'warm'])
  // A start that builds a template, or waits for one, reports that.
  expect(told).toEqual([])
  expect([web.address, db.address]).toEqual(['192.168.100.224', '192.168.100.225'])
  expect(network.guests).toHaveLength(2)
  const all = await Promise.all([web, db].map(identity))
  for (const [index, guest] of [web, db].entries()) {
    const { hostname, address, macAddress, credentials } = guest
    const { machineId, ...found } = all[index] ?? {}
    expect(machineId).toMatch(/^[0-9a-f]{32}$/)
    const hostKey = credentials.hostPublicKey
    expect(found).toEqual({ hostname, file: hostname, self: hostname, address, macAddress, hostKey })
  }
  const [one, other] = all
  for (const name of Object.keys(one ?? {})) expect(one?.[name], name).not.toBe(other?.[name])
})

test('they reach each other by name', async () => {
  await Promise.all([web.exec('ping -c 1 -W 5 db'), db.exec('ping -c 1 -W 5 web')])
  expect(await addressOf(web, 'db')).toBe(db.address)
  const { stdout } = await web.exec('timeout 20 bash -c "head -c 8 </dev/tcp/db/22"')
  expect(stdout).toBe('SSH-2.0-')
})

test('the journal of a clone continues under its new machine ID', async () => {
  const messages = async () => (await web.journal()).map(({ message }) => message)
  await web.exec('logger -t mark here')
  await expect.poll(messages).toContain('here')
  await web.exec('journalctl --rotate && logger -t mark after')
  await expect.poll(messages).toEqual(expect.arrayContaining(['here', 'after']))
})

test('unplugging and plugging in the cable does not change the address', async () => {
  await db.qmp('set_link', { name: 'net0', up: false })
  await expect(web.exec(`ping -c 1 -W 1 ${db.address}`)).rejects.toThrow(/100% packet loss/)
  await db.qmp('set_link', { name: 'net0', up: true })
  await web.waitUntilSucceeds(`ping -c 1 -W 1 ${db.address}`)
  expect(await identity(db)).toMatchObject({ address: db.address, macAddress: db.macAddress })
})

test('a guest that has another address is found there', async () => {
  await db.exec(`ip address add 192.168.100.77/24 dev ${cardOf(db)}`)
  // After the answer to this command, which would otherwise be lost.
  await db.exec(
    `systemd-run --quiet --on-active=1 --timer-property=AccuracySec=100ms ip address delete 192.168.100.225/24 dev ${cardOf(db)}`,
  )
  db.ssh.end()
  await web.waitUntilFails('ping -c 1 -W 1 192.168.100.225')
  await expect(db.exec('true')).rejects.toMatchObject({
    name: 'NetworkError',
    message: expect.stringMatching(
      /^Guest db is up, but at 192\.168\.100\.77 and not at 192\.168\.100\.225\n/,
    ) as string,
  })
  // networkd did not do this, and reverts it when the cable is plugged in again.
  await db.qmp('set_link', { name: 'net0', up: false })
  await web.exec('! ping -c 1 -W 1 192.168.100.77')
  await db.qmp('set_link', { name: 'net0', up: true })
  await db.reconnect()
})

test('all know a guest that comes later, and it knows them; one that leaves is forgotten', async () => {
  const late = await network.boot({ hostname: 'late', address: '192.168.100.7' })
  expect(await identity(late)).toMatchObject({ hostname: 'late', address: '192.168.100.7' })
  expect(await Promise.all([web, db].map((guest) => addressOf(guest, 'late')))).toEqual([late.address, late.address])
  expect(await addressOf(late, 'db')).toBe(db.address)
  await late[Symbol.asyncDispose]()
  expect(await Promise.all([web, db].map((guest) => addressOf(guest, 'late')))).toEqual(['', ''])
})

test('closing a network ends its guests', async () => {
  const gone = [web, db].map((guest) => guest.exec('sleep 100').catch((error: Error) => error.name))
  await network[Symbol.asyncDispose]()
  expect(network.guests.map(({ hostname }) => hostname)).toEqual([])
  expect(await Promise.all(gone)).toEqual(['SshError', 'SshError'])
})
