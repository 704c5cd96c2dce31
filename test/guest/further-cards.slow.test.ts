import { afterAll, beforeAll, expect, test } from 'vitest'
import { openNetwork, type Guest, type GuestNetwork } from '../../src/index.ts'
import { cardOf } from '../support/identity.ts'

let left: GuestNetwork
let right: GuestNetwork
let router: Guest
let client: Guest
let server: Guest

const routerOn = (network: GuestNetwork, other: GuestNetwork) =>
  network.boot({
    hostname: 'router',
    interfaces: [{ network: other }, { address: false }, { address: false }],
  })

beforeAll(async () => {
  ;[left, right] = await Promise.all([openNetwork({ subnet: '10.1.0.0/24' }), openNetwork({ subnet: '10.2.0.0/24' })])
  // One guest that starts before it, and one after.
  server = await right.boot({ hostname: 'server', address: '10.2.0.9' })
  router = await routerOn(left, right)
  client = await left.boot({ hostname: 'client' })
})
afterAll(async () => {
  for (const network of [left, right]) await network[Symbol.asyncDispose]()
})

test('a guest with several cards is a clone, and each card is as requested', async () => {
  expect(router.started).toBe('warm')
  expect(router.interfaces.map(({ network, address }) => [network, address])).toEqual([
    [left, '10.1.0.2'],
    [right, '10.2.0.2'],
    [left, undefined],
    [left, undefined],
  ])
  const { stdout } = await router.exec('ip -json address')
  const cards = JSON.parse(stdout) as {
    ifname: string
    address: string
    flags: string[]
    addr_info: { local: string }[]
  }[]
  const shown = cards.filter(({ ifname }) => ifname !== 'lo')
  expect(shown.map(({ ifname, addr_info }) => [ifname, ...addr_info.map(({ local }) => local)])).toEqual([
    [cardOf(router), '10.1.0.2'],
    [cardOf(router, 1), '10.2.0.2'],
    [cardOf(router, 2)],
    [cardOf(router, 3)],
  ])
  for (const { flags } of shown) expect(flags).toContain('LOWER_UP')
  expect(shown.map(({ address }) => address)).toEqual(router.interfaces.map(({ macAddress }) => macAddress))
  expect(router.interfaces[0]?.macAddress).toBe(router.macAddress)
})

test('it routes between its networks', async () => {
  await router.exec('sysctl -w net.ipv4.ip_forward=1')
  await client.exec(`ip route add 10.2.0.0/24 via ${router.address}`)
  await server.exec(`ip route add 10.1.0.0/24 via ${router.interfaces[1]?.address}`)
  await client.exec(`ping -c 1 -W 5 ${server.address}`)
})

test('both networks know it by its name', async () => {
  expect((await server.exec('getent hosts router')).stdout).toMatch(/^10\.2\.0\.2\s/)
  expect((await client.exec('getent hosts router')).stdout).toMatch(/^10\.1\.0\.2\s/)
})

test('two cards without an address make a bond', async () => {
  await router.exec(
    [
      'ip link add bond0 type bond mode active-backup miimon 100',
      `for card in ${cardOf(router, 2)} ${cardOf(router, 3)}; do ip link set $card down && ip link set $card master bond0; done`,
      'ip address add 10.1.0.99/24 dev bond0',
      'ip link set bond0 up',
    ].join(' && '),
  )
  // The first card is on the same network, and must not answer for the bond.
  await router.exec('sysctl -w net.ipv4.conf.all.arp_ignore=1')
  await expect
    .poll(() => client.exec('ping -c 1 -W 2 10.1.0.99', { reject: false }), { timeout: 30_000 })
    .toMatchObject({
      exitCode: 0,
    })
  const bond = (await router.exec('cat /sys/class/net/bond0/address')).stdout
  expect((await client.exec('ip neighbour show 10.1.0.99')).stdout).toContain(bond)
})

test('the cards are still there after a reboot', async () => {
  await router.reboot()
  expect((await router.exec(`cat /sys/class/net/${cardOf(router, 1)}/address`)).stdout).toBe(
    router.interfaces[1]?.macAddress,
  )
  await router.exec(`ping -c 1 -W 5 ${server.address}`)
})
