import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Readable } from 'node:stream'
import { HostError, NetworkError } from '../../errors.ts'
import { programEnvironment } from '../../host/environment.ts'
import { requireStreams } from '../../host/program/require-streams.ts'
import { letGo } from '../../host/program/let-go.ts'
import { requireTool } from '../../host/program/tools.ts'
import { until } from '../../lifetime/until.ts'
import type { Egress } from '../../options/network/egress.ts'
import type { NetworkLayout } from '../../options/network/network-options.ts'
import { make, type Bridged } from '../bridged-network.ts'
import { forbiddenDestinations } from './forbidden-destinations.ts'
import { runInside } from '../inside/run-inside.ts'
import type { PrivateKeeper } from '../keeper/start-keeper.ts'
import { lines } from '../ip-commands.ts'

const TAP = 'egress0'
/** Descriptors that slirp4netns inherits: it exits when the first closes, and writes to the second when it is ready. */
const EXIT_FD = 3
const READY_FD = 4

/** slirp4netns's arguments: it creates a TAP in the namespace of the process `pid`, and is its other end. */
function slirpArguments({ subnet, mtu }: NetworkLayout, pid: number): string[] {
  return [
    `--cidr=${subnet.cidr}`,
    `--mtu=${mtu}`,
    // Otherwise its router's address leads to the host's 127.0.0.1.
    '--disable-host-loopback',
    `--exit-fd=${EXIT_FD}`,
    `--ready-fd=${READY_FD}`,
    `${pid}`,
    TAP,
  ]
}

/**
 * Connects a network to the outside by user-mode NAT, which needs no rights outside, and ends with the keeper.
 * @throws HostError when slirp4netns is not installed; NetworkError when it does not start, or cannot be restricted
 */
export async function startSlirp(
  egress: Egress,
  keeper: PrivateKeeper,
  bridged: Bridged,
  signal?: AbortSignal,
): Promise<void> {
  const program = requireTool('slirp4netns')
  const child = spawn(program, slirpArguments(bridged, keeper.pid), {
    // In a separate session, so that Ctrl-C in the terminal does not reach it.
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe', keeper.lifeline, 'pipe'],
    env: programEnvironment(),
  })
  requireStreams(child, [program])
  // Node stops reading a stream that a child inherits, but must see its end, which is the keeper's.
  keeper.lifeline.resume()
  let stderr = ''
  child.stderr?.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const failed = once(child, 'close').then(([exitCode]) => {
    throw new NetworkError('slirp4netns exited, so the network has no egress', {
      command: child.spawnargs.join(' '),
      exitCode: (exitCode as number | null) ?? undefined,
      stderr,
      hint: 'Omit egress for a network without outside access.',
    })
  })
  failed.catch(() => {})
  await until(signal, Promise.race([once(child.stdio[READY_FD] as Readable, 'data'), failed]))
  letGo(child)
  await routeTo(egress, keeper, bridged, signal)
}

/** Until all of this is done, nothing is reachable. */
async function routeTo(
  egress: Egress,
  keeper: PrivateKeeper,
  bridged: Bridged,
  signal: AbortSignal | undefined,
): Promise<void> {
  const ipv4 = (name: string, setting: string) => `/proc/sys/net/ipv4/conf/${name}/${setting}`
  // proxy_arp answers slirp4netns, which asks by ARP for a guest's address.
  const on = [ipv4(bridged.bridge, 'forwarding'), ipv4(TAP, 'forwarding'), ipv4(TAP, 'proxy_arp')]
  // Replies come from any address. The larger of the two settings counts.
  const off = [ipv4('all', 'rp_filter'), ipv4(TAP, 'rp_filter')]
  const set = (value: string, files: readonly string[]) =>
    runInside(keeper, [requireTool('tee'), ...files], { input: value, signal })
  await Promise.all([set('1', on), set('0', off)]).catch((cause: unknown) => {
    signal?.throwIfAborted()
    throw new NetworkError('Egress cannot be routed: /proc/sys/net of the network is not writable', {
      cause,
      stderr: cause instanceof HostError ? cause.stderr : undefined,
      hint: 'Where /proc/sys is read-only, as in a container, mount it writable, or omit egress.',
    })
  })
  await make(bridged, egressCommands(bridged, egress), 'set up egress', signal)
}

/** A routing table for packets from the bridge. */
const TABLE = 100

/**
 * Lines for `ip -batch -` that make the kernel route packets from the bridge to slirp4netns's TAP, which is not on it, by a separate table, so
 * that nothing else on the network gets out. Forbidden packets are refused (ICMP), so that a guest knows at once.
 *
 * The kernel answers ARP for router and name server, without its usual delay. Only ping, and DNS on the name server, are allowed there:
 * slirp4netns would connect any other port to the host's own (libslirp before 4.7).
 */
function egressCommands({ bridge, mtu, gateway }: Bridged, egress: Egress): string {
  const { router, nameServer } = egress
  const fromBridge = (priority: number, rest: string) => `rule add priority ${priority} iif ${bridge} ${rest}`
  const ofSlirp = [router, nameServer]
  return lines(
    ...ofSlirp.flatMap((address) => [
      fromBridge(20, `to ${address} ipproto udp prohibit`),
      fromBridge(20, `to ${address} ipproto tcp prohibit`),
    ]),
    fromBridge(10, `to ${nameServer} ipproto udp dport 53 lookup ${TABLE}`),
    fromBridge(10, `to ${nameServer} ipproto tcp dport 53 lookup ${TABLE}`),
    fromBridge(30, `lookup ${TABLE}`),
    ...forbiddenDestinations(egress).map((subnet) => `route add prohibit ${subnet} table ${TABLE}`),
    `link set dev ${TAP} mtu ${mtu}`,
    `link set dev ${TAP} up`,
    ...ofSlirp.map((address) => `route add ${address} dev ${TAP} table ${TABLE}`),
    `route add default via ${router} dev ${TAP} onlink table ${TABLE}`,
    // For dnsmasq.
    `route add ${nameServer} dev ${TAP} src ${gateway}`,
    ...[bridge, TAP].map((name) => `ntable change name arp_cache dev ${name} proxy_delay 0`),
    ...ofSlirp.map((address) => `neighbour add proxy ${address} dev ${bridge}`),
  )
}
