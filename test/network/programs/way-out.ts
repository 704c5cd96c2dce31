/**
 * Run in a network and mount namespace of its own, which plays the host; another one plays the world around it. Says what a machine
 * gets from there on a network without a way out, with one, and with one to the local network too, and then waits to be killed.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import type { NetworkOptions } from '../../../src/options/network/network-options.ts'
import type { Network } from '../../../src/network/network.ts'
import { openNetwork } from '../../../src/network/open-network.ts'
import { plugIn, type Plugged, split } from '../../support/plug-in.ts'
import { answerNames } from './answer-names.ts'

const PUBLIC = '93.184.0.2'
const HOST = '93.184.0.1'
const LAN = ['10.20.30.40', '172.20.0.1', '192.168.77.1', '100.64.0.9', '198.18.0.1', '203.0.113.1']
const NEVER = ['169.254.169.254', '169.254.7.7', '100.100.100.200', '168.63.129.16', '192.0.0.192']
const IPV6 = ['2606:4700::1', 'fd00:5::1', 'fd00:ec2::254', '64:ff9b::a14:1e28']
const [ROUTER, NAME_SERVER] = ['192.168.100.2', '192.168.100.3']

const program = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const ip = (...commands: string[]) => execa('ip', ['-batch', '-'], { input: commands.join('\n') })

const addresses = [
  `${PUBLIC}/24`,
  ...[...LAN, ...NEVER].map((each) => `${each}/32`),
  ...IPV6.map((each) => `${each}/128`),
]
const world = spawn('unshare', ['--net', process.execPath, program('world.ts'), ...addresses], {
  stdio: ['pipe', 'pipe', 'inherit'],
})
const said = createInterface(world.stdout)
await once(said, 'line')
await ip(
  'link set lo up',
  `link add outside type veth peer name world netns /proc/${world.pid}/ns/net`,
  `address add ${HOST}/24 dev outside`,
  'address add 2606:4700::2/64 dev outside nodad',
  'link set outside up',
  `route add default via ${PUBLIC}`,
  'route add ::/0 via 2606:4700::1',
)
world.stdin.write('go\n')
await once(said, 'line')

const local = createServer((_request, response) => response.end('host')).listen(80, '0.0.0.0')
await once(local, 'listening')
await answerNames('127.0.0.53', '192.0.2.7')
const resolvConf = join(tmpdir(), 'resolv.conf')
writeFileSync(resolvConf, 'nameserver 127.0.0.53\n')
await execa('mount', ['--bind', resolvConf, '/etc/resolv.conf'])

const outside = [
  ...[PUBLIC, ...LAN, ...NEVER, HOST, '::ffff:10.20.30.40', ...IPV6].map((address) => `tcp:[${address}]:80`),
  ...[PUBLIC, '10.20.30.40', '169.254.169.254'].map((address) => `udp:${address}:7`),
]
// The host of the way out: its name server forwards to 127.0.0.53, where the host has other servers too.
const ownPlaces = [ROUTER, NAME_SERVER].map((address) => `tcp:[${address}]:80`)

type Ask = (...places: string[]) => Promise<Record<string, string>>

const asking =
  (inside: Plugged['inside']): Ask =>
  async (...places) => {
    const command = inside([process.execPath, program('attempts.ts'), ...places])
    return JSON.parse((await execa(...split(command))).stdout) as Record<string, string>
  }

/** A machine on a network with `router` as its default route; for IPv6, the bridge. */
async function machineOn(network: Network, address: string, router: string): Promise<Ask> {
  const { inside } = await plugIn(network, `${address}/24`)
  const routes = [
    `address add fd00:100::${address.split('.')[3]}/64 dev eth0 nodad`,
    `route add default via ${router}`,
    'route add ::/0 via fd00:100::c0a8:6432',
  ]
  await execa(...split(inside(['ip', '-batch', '-'])), { input: routes.join('\n') })
  return asking(inside)
}

async function attempt(options: NetworkOptions) {
  const network = await openNetwork({ ...options, subnet6: 'fd00:100::/64', mtu: 1400 })
  const told = await machineOn(network, '192.168.100.8', ROUTER)
  // By the bridge itself instead of the router.
  const byBridge = await machineOn(network, '192.168.100.9', network.gateway)
  const [answers, more] = await Promise.all([told(...outside, ...ownPlaces), byBridge(...outside, ...ownPlaces)])
  return { told, answers, byBridge: more }
}

await (await openNetwork({ egress: true, mtu: 1400 }))[Symbol.asyncDispose]()
const host = await asking((command) => command as [string, ...string[]])(...outside)
const kinds: NetworkOptions[] = [{}, { egress: true }, { egress: { lan: true } }]
const [none, open, lan] = await Promise.all(kinds.map(attempt))

/** The way out reads it again at most once a second. */
async function names(...servers: string[]): Promise<string[]> {
  const found: string[] = []
  for (const server of servers) {
    writeFileSync(resolvConf, `nameserver ${server}\n`)
    await sleep(1500)
    for (const each of [open, lan]) found.push(...Object.values((await each?.told(`name:${NAME_SERVER}`)) ?? {}))
  }
  return found
}

console.log(JSON.stringify({ host, none, open, lan, names: await names('10.20.30.40', '127.0.0.53') }))
