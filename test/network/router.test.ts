import { buffer } from 'node:stream/consumers'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bootGuest } from '../../src/guest/boot-guest.ts'
import type { Guest } from '../../src/guest/guest.ts'
import type { Network } from '../../src/network/network.ts'
import { openNetwork } from '../../src/network/open-network.ts'
import { insideNode, split } from '../support/plug-in.ts'

let left: Network
let right: Network
let router: Guest

const run = (network: Network, ...command: string[]) => execa(...split(network.inside(command)))

beforeAll(async () => {
  left = await openNetwork()
  right = await openNetwork({ subnet: '10.9.0.0/24', mtu: 1400 })
  router = await bootGuest({ network: left, hostname: 'router', interfaces: [{ network: right, address: '10.9.0.7' }] })
})
afterAll(async () => {
  await router[Symbol.asyncDispose]()
  await right[Symbol.asyncDispose]()
  await left[Symbol.asyncDispose]()
})

test('it has a card on each network, as that network is', async () => {
  expect(router.started).toBe('cold')
  expect(router.interfaces).toEqual([{ network: right, address: '10.9.0.7', macAddress: expect.any(String) as string }])
  const shown = (await router.$`ip -o -4 address show`).stdout
  expect(shown).toMatch(/eth0\s+inet 192\.168\.100\.224\/24/)
  expect(shown).toMatch(/eth1\s+inet 10\.9\.0\.7\/24/)
  expect((await router.$`cat /sys/class/net/eth1/address /sys/class/net/eth1/mtu`).stdout).toBe(
    `${router.interfaces[0]?.macAddress}\n1400`,
  )
  expect(right.members).toEqual([expect.objectContaining({ hostname: 'router', address: '10.9.0.7' })])
})

test('it routes between them when it is told to', async () => {
  await run(left, 'ip', 'route', 'add', right.subnet.cidr, 'via', router.address)
  await run(right, 'ip', 'route', 'add', left.subnet.cidr, 'via', '10.9.0.7')
  const port = await insideNode((command) => right.inside(command), 'on the right')
  await expect(left.dial(right.gateway, port, AbortSignal.timeout(2000))).rejects.toThrow()
  await router.$`sysctl -w net.ipv4.ip_forward=1`
  const socket = await left.dial(right.gateway, port)
  expect((await buffer(socket)).toString()).toBe('on the right')
})

test('what cannot be a further card is refused before anything starts', async () => {
  const attempt = (interfaces: unknown) =>
    bootGuest({ network: left, hostname: 'other', interfaces: interfaces as never })
  await expect(attempt({})).rejects.toThrow(/`interfaces` must be a list/)
  await expect(attempt([{ network: 'private' }])).rejects.toThrow(/`interfaces\[0\]\.network` must be an open network/)
  await expect(attempt([{ network: left }])).rejects.toThrow(/must be another network than those of its other cards/)
  await expect(attempt([{ network: right, address: '10.8.0.1' }])).rejects.toThrow(
    /`interfaces\[0\]\.address` must be a host address inside the subnet 10\.9\.0\.0\/24/,
  )
  await expect(attempt([{ network: right, vlan: 7 }])).rejects.toThrow(/`interfaces\[0\]\.vlan` must be left out/)
})
