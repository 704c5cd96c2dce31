import { expect, testWithGuests } from 'vitest-guest'
import type { Guest } from 'vitest-guest/core'
import { machines, networks } from './machines.ts'
import { cardOf } from '../../support/identity.ts'

process.stderr.write('a worker has started\n')

const test = testWithGuests(machines, { networks })

// For the whole file, so that each test finds it.
test.beforeAll(async ({ guests, networks }) => {
  await guests.router.$`sysctl -w net.ipv4.ip_forward=1`
  await guests.client.$`ip route add ${networks.right.subnet.cidr} via ${guests.router.address}`
  await guests.server.$`ip route add ${networks.left.subnet.cidr} via 10.2.0.5`
})

test('a router between two networks', async ({ guests, network, networks }) => {
  expect([networks.left, networks.right].map(({ subnet }) => subnet.cidr)).toEqual(['10.1.0.0/24', '10.2.0.0/24'])
  expect(network.subnet.cidr).toBe('10.1.0.0/24')
  expect(guests.client.address).toBe('10.1.0.9')
  expect(Object.values(guests).map(({ started }) => started)).toEqual(['warm', 'warm', 'warm'])
  await guests.client.$`ping -c 1 -W 5 ${guests.server.address}`
  // Through the router, not directly.
  await guests.router.$`sysctl -w net.ipv4.ip_forward=0`
  expect((await guests.client.exec(`ping -c 1 -W 2 ${guests.server.address}`, { reject: false })).exitCode).not.toBe(0)
  await guests.router.$`sysctl -w net.ipv4.ip_forward=1`
})

test('a card without an address', async ({ guests }) => {
  expect((await guests.router.$`ip -brief link show dev eth2`).stdout).toMatch(/^eth2 +UP /)
  expect((await guests.router.$`ip -4 -brief address show dev eth2`).stdout).not.toMatch(/\d\.\d/)
})

test('a DHCP server on a card of its own', async ({ guests }) => {
  const configure = async (guest: Guest, card: string, network: string) => {
    await guest.writeFile('/run/systemd/network/05-lease.network', `[Match]\nName=${card}\n[Network]\n${network}`)
    await guest.$`networkctl reload && networkctl reconfigure ${card}`
  }
  const pool = '[DHCPServer]\nPoolOffset=50\nPoolSize=1\nEmitDNS=no\nEmitRouter=no\n'
  await configure(guests.router, cardOf(guests.router, 2), `Address=10.3.0.1/24\nDHCPServer=yes\n${pool}`)
  const card = cardOf(guests.client, 1)
  await configure(guests.client, card, 'DHCP=ipv4\n')
  await guests.client.waitUntilSucceeds(`ip -4 -brief address show dev ${card} | grep -F 10.3.0.50/24`)
  await guests.client.$`ping -c 1 -W 5 10.3.0.1`
})

test('one that fails', async ({ guests }) => {
  await guests.router.$`echo asked router`
  expect('so').toBe('not so')
})

test('one in which a program crashes in the router', async ({ guests }) => {
  await guests.router.exec(`python3 -c 'import ctypes; ctypes.string_at(0)'`, { reject: false })
})
