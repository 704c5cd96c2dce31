import { existsSync } from 'node:fs'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { NetworkError } from '../../src/errors.ts'
import { startDnsmasq } from '../../src/network/services/dnsmasq.ts'
import { openNetwork } from '../../src/network/open-network.ts'
import { LOOPBACK_UP } from '../../src/network/ip-commands.ts'
import { startKeeper } from '../../src/network/keeper/start-keeper.ts'
import { processesNaming } from '../support/leftovers.ts'
import { plugIn, split, type Plugged } from '../support/plug-in.ts'

/** One request, like a guest's: prints what it got, or fails. */
async function askForLease({ inside }: Plugged, hostname: string) {
  const say = ['-s', '/bin/true', '-f', '-q', '-n', '-t', '2', '-T', '1']
  return execa(...split(inside(['busybox', 'udhcpc', '-i', 'eth0', '-x', `hostname:${hostname}`, ...say])), {
    reject: false,
    all: true,
  })
}

test('a machine gets an address from the range, is found by its lease, and has a name', async () => {
  await using network = await openNetwork({ addressing: 'dhcp', dhcpRange: ['192.168.100.60', '192.168.100.60'] })
  await using machine = await plugIn(network, undefined, '52:54:00:00:00:01')
  expect(await network.dhcp?.leases()).toEqual([])
  expect((await askForLease(machine, 'db')).all).toContain('lease of 192.168.100.60 obtained')
  const lease = { macAddress: '52:54:00:00:00:01', address: '192.168.100.60', hostname: 'db' }
  expect(await network.dhcp?.lease(lease.macAddress, AbortSignal.timeout(1000))).toEqual(lease)
  const { stdout } = await execa(...split(network.inside(['busybox', 'nslookup', 'db', network.gateway])))
  expect(stdout).toMatch(/Name:\s+db\nAddress: 192\.168\.100\.60/)

  await using other = await plugIn(network, undefined, '52:54:00:00:00:02')
  expect(await askForLease(other, 'late')).toMatchObject({ exitCode: 1 })
  const error: unknown = await network.dhcp
    ?.lease('52:54:00:00:00:02', AbortSignal.timeout(5000))
    .catch((it: unknown) => it)
  expect(error).toBeInstanceOf(NetworkError)
  expect((error as NetworkError).message).toMatch(
    /^The DHCP range from 192\.168\.100\.60 to 192\.168\.100\.60 is exhausted/,
  )
  expect((error as NetworkError).hint).toContain('dhcpRange: [')
})

test('a card gets the address reserved for it, whatever its name', async () => {
  await using network = await openNetwork({ addressing: 'dhcp' })
  await using machine = await plugIn(network, undefined, '52:54:00:00:00:03')
  await using _ = await network.dhcp?.reserve({
    macAddress: '52:54:00:00:00:03',
    address: '192.168.100.177',
    hostname: 'web',
  })
  expect((await askForLease(machine, 'other')).all).toContain('lease of 192.168.100.177 obtained')
  const { stdout } = await execa(...split(network.inside(['busybox', 'nslookup', 'web', network.gateway])))
  expect(stdout).toContain('192.168.100.177')
})

test('dnsmasq ends with the network', async () => {
  const network = await openNetwork({ addressing: 'dhcp' })
  expect(processesNaming(network.stateFolder)).toContainEqual(expect.stringContaining('dnsmasq'))
  await network[Symbol.asyncDispose]()
  expect(processesNaming(network.stateFolder)).toEqual([])
  expect(existsSync(network.stateFolder)).toBe(false)
})

test("dnsmasq's own errors are reported", async () => {
  await using keeper = await startKeeper({ purpose: 'bring up loopback', commands: LOOPBACK_UP })
  const range = { first: '192.168.100.60', last: '192.168.100.70' }
  // This bridge does not exist.
  const unknown: unknown = await startDnsmasq(keeper, { bridge: 'br9', range }).catch((it: unknown) => it)
  expect(unknown).toBeInstanceOf(NetworkError)
  expect((unknown as NetworkError).message).toMatch(/^dnsmasq exited: unknown interface br9/)
  const bad: unknown = await startDnsmasq(keeper, { bridge: 'lo', range: { first: 'x', last: 'y' } }).catch(
    (it: unknown) => it,
  )
  expect((bad as NetworkError).message).toMatch(/^dnsmasq exited: bad command line options: /)
  expect((bad as NetworkError).exitCode).toBe(1)
})

test('a port that is in use is reported as such', async () => {
  await using network = await openNetwork({ addressing: 'dhcp' })
  const keeper = {
    inside: (command: readonly string[]) => network.inside(command),
    folder: network.stateFolder,
    ready: network.ready,
  }
  const range = { first: '192.168.100.60', last: '192.168.100.70' }
  await expect(startDnsmasq(keeper, { bridge: 'br0', range })).rejects.toThrow(
    /^dnsmasq cannot listen on the bridge: its port is in use/,
  )
})
