import { afterAll, beforeAll, expect, test } from 'vitest'
import { bootGuest } from '../../src/guest/start/boot-guest.ts'
import type { Guest } from '../../src/guest/guest.ts'
import type { Network } from '../../src/network/network.ts'
import { openNetwork } from '../../src/guest/network/open-guest-network.ts'
import { cardOf } from '../support/identity.ts'

let network: Network
let guest: Guest

beforeAll(async () => {
  network = await openNetwork({ addressing: 'dhcp' })
  guest = await bootGuest({ network, hostname: 'web' })
})
afterAll(() => network[Symbol.asyncDispose]())

test('a clone has a lease from its own network', async () => {
  expect(guest.started).toBe('warm')
  expect(guest.address).toBe('192.168.100.100')
  expect(await network.dhcp?.leases()).toEqual([
    { macAddress: guest.macAddress, address: guest.address, hostname: 'web' },
  ])
  const shown = (await guest.$`ip -4 -o address show dev ${cardOf(guest)}`).stdout
  expect(shown).toContain('192.168.100.100/24')
  expect(shown).toContain('dynamic')
  expect((await guest.exec('cat /etc/systemd/network/10-cloud-init-*.network')).stdout).not.toContain('192.168.100.100')
})

test('it resolves names by the network, and cannot reach the outside', async () => {
  expect((await guest.$`getent -s dns ahostsv4 web`).stdout).toContain('192.168.100.100')
  const { stdout } = await guest.$`cat /etc/resolv.conf`
  expect(stdout).toBe('nameserver 192.168.100.50')
  expect((await guest.$`ip route show default`).stdout).toBe('')
})

test('a static address inside the range is refused', async () => {
  const attempt = bootGuest({ network, hostname: 'db', addressing: 'static', address: '192.168.100.150' })
  await expect(attempt).rejects.toThrow(/`address` must be outside the network's DHCP range/)
})
