import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Guest } from '../../src/guest/guest.ts'
import { bootGuest } from '../../src/guest/boot-guest.ts'
import type { Network } from '../../src/network/network.ts'
import { openNetwork } from '../../src/network/open-network.ts'
import { ping } from '../support/plug-in.ts'

const MAC = '52:54:00:c0:ff:ee'

let network: Network
let guest: Guest

beforeAll(async () => {
  network = await openNetwork({ mtu: 4000, subnet6: 'fd00:100::/64' })
  guest = await bootGuest({ network, macAddress: MAC.toUpperCase() })
})
afterAll(() => network[Symbol.asyncDispose]())

test('its card has the chosen MAC address', async () => {
  expect(guest.macAddress).toBe(MAC)
  expect((await guest.$`cat /sys/class/net/eth0/address`).stdout).toBe(MAC)
})

test('packets of the MTU reach it whole, both ways, and no larger ones', async () => {
  const whole = ['-M', 'do', '-s', `${4000 - 28}`]
  expect(await ping(network, guest.address, whole)).toMatchObject({ exitCode: 0 })
  expect((await guest.$`cat /sys/class/net/eth0/mtu`).stdout).toBe('4000')
  // One segment of its own may be as long, less its headers.
  const { stdout } = await guest.$`ss -tin state established dport != 0`
  expect(Number(/ advmss:(\d+)/.exec(stdout)?.[1])).toBe(4000 - 52)
})

test('it has its IPv6 address, and is reached there', async () => {
  expect(guest.address6).toBe('fd00:100::c0a8:64e0')
  expect(await ping(network, guest.address6 as string)).toMatchObject({ exitCode: 0 })
  const socket = await network.dial(guest.address6 as string, 22)
  const [banner] = (await socket.take(1).toArray()) as [Buffer]
  expect(banner.toString()).toMatch(/^SSH-2\.0-/)
  const shown = (await guest.$`ip -6 -o address show dev eth0`).stdout
  expect(shown).toContain('fd00:100::c0a8:64e0/64')
  expect(shown).not.toContain('tentative')
  expect(shown).not.toContain('fe80:')
})
