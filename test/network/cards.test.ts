import { once } from 'node:events'
import { buffer, text } from 'node:stream/consumers'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { NetworkError } from '../../src/errors.ts'
import { bootGuest } from '../../src/guest/start/boot-guest.ts'
import type { Network } from '../../src/network/network.ts'
import { openNetwork } from '../../src/guest/network/open-guest-network.ts'
import { insideNode, ping, plugIn, split } from '../support/plug-in.ts'

const GUEST = { hostname: 'guest', address: '192.168.100.224' }

let network: Network

beforeAll(async () => {
  network = await openNetwork({ mtu: 4000, subnet6: 'fd00:100::/64' })
})
afterAll(() => network[Symbol.asyncDispose]())

test('bridge and TAP have the MTU of the network', async () => {
  await using attachment = await network.attach(GUEST)
  const [file, ...args] = network.inside(['ip', '-json', 'link', 'show'])
  const links = JSON.parse((await execa(file, args)).stdout) as { ifname: string; mtu: number }[]
  const mtuOf = (name?: string) => links.find(({ ifname }) => ifname === name)?.mtu
  expect([mtuOf(network.bridge), mtuOf(attachment.tap)]).toEqual([4000, 4000])
})

test("packets of the MTU's size pass the bridge whole; larger ones do not", async () => {
  await using machine = await plugIn(network, '192.168.100.9/24')
  const whole = ['-M', 'do', '-s']
  expect(await ping(network, '192.168.100.9', [...whole, `${4000 - 28}`])).toMatchObject({ exitCode: 0 })
  const larger = await ping(network, '192.168.100.9', [...whole, `${4000 - 27}`])
  expect(larger.all).toContain('message too long, mtu=4000')
  expect(machine.name).toBeDefined()
})

test('IPv6 is available at once, beside IPv4, and can be dialed', async () => {
  await using machine = await plugIn(network, 'fd00:100::9/64')
  const [file, ...args] = network.inside(['ip', '-json', '-6', 'address', 'show', 'dev', 'br0', 'scope', 'global'])
  expect(JSON.parse((await execa(file, args)).stdout)).toMatchObject([
    {
      addr_info: expect.arrayContaining([
        expect.objectContaining({ local: 'fd00:100::c0a8:6432', prefixlen: 64 }),
      ]) as unknown,
    },
  ])
  const port = await insideNode(machine.inside, 'over IPv6')
  const socket = await network.dial('fd00:100::9', port)
  expect((await buffer(socket)).toString()).toBe('over IPv6')
  await expect(network.dial('fd00:100::9', 1)).rejects.toThrow(/Nothing answers at \[fd00:100::9\]:1: .*ECONNREFUSED/)
})

test('all cards of a network and its bridge have different MAC addresses', async () => {
  const one = { ...GUEST, macAddress: '52:54:00:00:00:01' }
  const two = { hostname: 'other', address: '192.168.100.8' }
  await using _ = await network.attach(one)
  const again: unknown = await network.attach({ ...two, macAddress: one.macAddress }).catch((error: unknown) => error)
  expect(again).toBeInstanceOf(NetworkError)
  expect((again as NetworkError).message).toMatch(
    /^The MAC address 52:54:00:00:00:01 is already used by guest guest on the same/,
  )
  expect((again as NetworkError).hint).toContain('its own macAddress')
  await expect(network.attach({ ...two, macAddress: '52:54:c0:a8:64:32' })).rejects.toThrow(
    /is already used by the bridge itself/,
  )
  await using __ = await network.attach({ ...two, macAddress: '52:54:00:00:00:02' })
})

test('a TAP that is in use moves to another network', async () => {
  await using other = await openNetwork({ subnet: '10.9.0.0/24' })
  await using attachment = await other.reserveFor(network, { hostname: 'router', address: '10.9.0.7' })
  expect(other.attachments).toEqual([attachment])
  const machine = ['qemu-system-x86_64', '-nodefaults', '-display', 'none', '-S', '-monitor', 'stdio']
  const qemu = execa(...split(network.inside([...machine, '-netdev', `${attachment.netdev},id=net`])), {
    reject: false,
    stdin: 'pipe',
  })
  const shown = text(qemu.stdout)
  qemu.stdin.write('info network\n')
  await once(qemu.stdout, 'data')
  await attachment.join()
  const links = (at: Network) =>
    execa(...split(at.inside(['ip', '-o', 'link', 'show', 'type', 'tun']))).then((it) => it.stdout)
  expect(await links(network)).not.toContain(attachment.tap)
  // LOWER_UP: a process has it open.
  expect(await links(other)).toMatch(new RegExp(`${attachment.tap}: <.*LOWER_UP.* master ${other.bridge}`))
  qemu.stdin.end('quit\n')
  expect(await shown).not.toContain('could not')
  await attachment[Symbol.asyncDispose]()
  expect(await links(other)).not.toContain(attachment.tap)
})

test('an invalid further card is refused before anything starts', async () => {
  await using right = await openNetwork({ subnet: '10.9.0.0/24' })
  const attempt = (interfaces: unknown) => bootGuest({ network, hostname: 'other', interfaces: interfaces as never })
  await expect(attempt({})).rejects.toThrow(/`interfaces` must be an array/)
  await expect(attempt([{ network: 'private' }])).rejects.toThrow(/`interfaces\[0\]\.network` must be an open network/)
  await expect(attempt([{ network: right, address: '10.8.0.1' }])).rejects.toThrow(
    /`interfaces\[0\]\.address` must be a host address inside the subnet 10\.9\.0\.0\/24/,
  )
  await expect(attempt([{ network: right, address: true }])).rejects.toThrow(
    /`interfaces\[0\]\.address` must be an IPv4/,
  )
  await expect(attempt([{ macAddress: '01:00:00:00:00:00' }])).rejects.toThrow(/not a multicast one/)
  await expect(attempt([{ address: '192.168.100.50' }])).rejects.toThrow(/an address other than the bridge's own/)
  await expect(attempt([{ network: right, vlan: 7 }])).rejects.toThrow(/^Unknown option `interfaces\[0\]\.vlan`/)
})

/** A missing image: a guest fails right after reserving its addresses. */
const NOWHERE = '/nowhere/disk.qcow2'

test('all cards get their addresses in the order of the calls, and release them when the start fails', async () => {
  await using left = await openNetwork({ subnet: '10.1.0.0/24' })
  await using right = await openNetwork({ subnet: '10.2.0.0/24' })
  const starts = [
    bootGuest({ network: left, interfaces: [{ network: right }], image: NOWHERE }),
    right.boot({ hostname: 'b', image: NOWHERE }),
    // A guest that will open its own network has its place on this one, too.
    bootGuest({ hostname: 'c', interfaces: [{ network: right }, { network: right }], image: NOWHERE }),
    right.boot({ hostname: 'd', image: NOWHERE }),
  ]
  expect(right.members.map(({ hostname, address }) => `${hostname} ${address}`)).toEqual([
    'guest 10.2.0.2',
    'b 10.2.0.3',
    'c 10.2.0.4',
    'c 10.2.0.5',
    'd 10.2.0.6',
  ])
  for (const { reason } of (await Promise.allSettled(starts)) as PromiseRejectedResult[]) {
    expect(reason).toMatchObject({ name: 'ImageError' })
  }
  await using _ = await right.reserve({ hostname: 'd', address: '10.2.0.9' })
  await expect(bootGuest({ hostname: 'd', interfaces: [{ network: right }], image: NOWHERE })).rejects.toThrow(
    /The name d is already used by another guest/,
  )
  expect(left.members).toEqual([])
  expect(right.members).toHaveLength(1)
})

test('a guest may have several cards on one network, one without an address; names stay unique', async () => {
  await using other = await openNetwork({ subnet: '10.9.0.0/24' })
  await using _first = await network.reserve({ hostname: 'router', address: '192.168.100.7' })
  await using _second = await network.reserveFor(network, { hostname: 'router', address: undefined })
  await using _third = await network.reserveFor(network, { hostname: 'router', address: undefined })
  await using _there = await other.reserveFor(network, { hostname: 'router', address: '10.9.0.7' })
  await using _again = await other.reserveFor(network, { hostname: 'router', address: '10.9.0.8' })
  expect(network.members.map(({ address }) => address)).toEqual(['192.168.100.7', undefined, undefined])
  const name = /The name router is already used by another guest/
  await expect(network.reserve({ hostname: 'router', address: '192.168.100.8' })).rejects.toThrow(name)
  await expect(other.reserve({ hostname: 'router', address: '10.9.0.9' })).rejects.toThrow(name)
  await using third = await openNetwork({ subnet: '10.10.0.0/24' })
  await expect(other.reserveFor(third, { hostname: 'router', address: '10.9.0.9' })).rejects.toThrow(name)
  // A card of the guest's own network stays there.
  await _second.join()
  const links = await execa(...split(network.inside(['ip', '-o', 'link', 'show', 'dev', _second.tap as string])))
  expect(links.stdout).toContain(`master ${network.bridge}`)
})
