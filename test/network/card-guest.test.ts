import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import type { Guest } from '../../src/guest/guest.ts'
import { bootGuest } from '../../src/guest/boot-guest.ts'
import type { Network } from '../../src/network/network.ts'
import { openNetwork } from '../../src/network/open-network.ts'
import { requireTool } from '../../src/host/tools.ts'
import { networkNamespace, type NetworkNamespace } from '../support/network-namespace.ts'
import { ping, split } from '../support/plug-in.ts'
import { toolPath } from '../support/tool-path.ts'

const MAC = '52:54:00:c0:ff:ee'

const OUTSIDE = '203.0.113.1'

/** In the place of the host, for what goes out. */
let host: NetworkNamespace
let tools: Awaited<ReturnType<typeof toolPath>>
let network: Network
let guest: Guest

beforeAll(async () => {
  host = await networkNamespace()
  await host.ip(
    'link add outside type veth peer name other',
    `address add ${OUTSIDE}/24 dev outside`,
    'link set outside up',
    'link set other up',
  )
  const slirp = host.inside([requireTool('slirp4netns')]).join(' ')
  tools = await toolPath({ standIns: { slirp4netns: `#!/bin/sh\nexec ${slirp} "$@"\n` } })
  vi.stubEnv('PATH', tools.path)
  network = await openNetwork({ mtu: 4000, subnet6: 'fd00:100::/64', egress: true })
  vi.unstubAllEnvs()
  guest = await bootGuest({ network, macAddress: MAC.toUpperCase() })
})
afterAll(async () => {
  await network[Symbol.asyncDispose]()
  await host[Symbol.asyncDispose]()
  await tools[Symbol.asyncDispose]()
})

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

test('with egress it has a default route, a name server, and a way to what is outside', async () => {
  const program = `
    const server = require('node:net').createServer((socket) => socket.end('the outside'))
    server.listen(80, '${OUTSIDE}', () => console.log('ready'))`
  const server = spawn(...split(host.inside([process.execPath, '-e', program])), {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void server.kill())
  await once(server.stdout, 'data')
  expect((await guest.$`ip route show default`).stdout).toMatch(/^default via 192\.168\.100\.2 dev eth0 /)
  expect(await guest.readFile('/etc/resolv.conf', 'utf8')).toContain('nameserver 192.168.100.3\n')
  const read = `timeout 20 bash -c 'cat </dev/tcp/${OUTSIDE}/80'`
  expect((await guest.exec(read)).stdout).toBe('the outside')
})
