import { address6In } from '../address/ipv6.ts'
import type { NetworkLayout } from '../options/network/network-options.ts'
import type { Adopted, HostRecord } from './host/host-record.ts'

/** The bridge of a private network, which is alone in its namespace. */
export const BRIDGE = 'br0'

/** The bridge's MAC address, the same in every network with this gateway, so that a guest restored in another one still knows its host. */
export function bridgeMac(gateway: string): string {
  return ['52', '54', ...gateway.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'))].join(':')
}

/**
 * Lines for `ip -batch -` that create the bridge. Its neighbour table retries an unanswered address every 100 ms, not every second, and
 * gives up after 0.3 s, so that a dial to a booting guest does not hang for 3 s, and succeeds as soon as the guest answers.
 */
export function bridgeCommands(place: NetworkLayout, bridge = BRIDGE, mark?: Mark): string {
  const { gateway, subnet6, mtu } = place
  return lines(
    `link add name ${bridge} address ${bridgeMac(gateway)} type bridge`,
    ...markCommand(bridge, mark),
    ...addressCommands(place, bridge),
    `link set dev ${bridge} mtu ${mtu}`,
    `link set dev ${bridge} up`,
    `ntable change name arp_cache dev ${bridge} retrans 100`,
    ...(subnet6 ? [`ntable change name ndisc_cache dev ${bridge} retrans 100`] : []),
  )
}

function addressCommands(place: NetworkLayout, bridge: string): string[] {
  const [own, own6] = ownAddresses(place)
  return [
    `address add ${own} broadcast ${place.subnet.broadcast} dev ${bridge}`,
    // Nobody else can have it, so it need not be probed for.
    ...(own6 ? [`address add ${own6} dev ${bridge} nodad`] : []),
  ]
}

/** The bridge's, with their prefix lengths. */
export function ownAddresses({ subnet, gateway, subnet6 }: NetworkLayout): string[] {
  return [`${gateway}/${subnet.prefix}`, ...(subnet6 ? [`${address6In(subnet6, gateway)}/${subnet6.prefix}`] : [])]
}

/** The loopback of a new namespace is down. */
export const LOOPBACK_UP = lines('link set dev lo up')

/** On the host, TAPs have an owner, so that QEMU need not be root to open them, and an alias, by which they are found to be taken down. */
export interface Mark {
  readonly uid: number
  readonly alias: string
}

function markCommand(name: string, mark: Mark | undefined): string[] {
  return mark ? [`link set dev ${name} alias ${mark.alias}`] : []
}

/** Marks all interfaces of a `host` network. */
export function aliasOf(id: string): string {
  return `vitest-guest:${id}`
}

/** Lines that take over an existing bridge: the network's addresses replace its own. */
export function adoptCommands(place: NetworkLayout, bridge: string, { addresses }: Adopted): string {
  return lines(
    ...addresses.map(({ local, prefixlen }) => `address delete ${local}/${prefixlen} dev ${bridge}`),
    ...addressCommands(place, bridge),
    `link set dev ${bridge} mtu ${place.mtu}`,
    `link set dev ${bridge} up`,
  )
}

export function restoreCommands({ bridge, own }: HostRecord, { isUp, mtu, addresses }: Adopted): string {
  return lines(
    ...own.map((address) => `address delete ${address} dev ${bridge}`),
    ...addresses.map(({ local, prefixlen, broadcast, scope }) => {
      const rest = [...(broadcast ? ['broadcast', broadcast] : []), ...(scope ? ['scope', scope] : [])]
      return ['address add', `${local}/${prefixlen}`, ...rest, 'dev', bridge].join(' ')
    }),
    `link set dev ${bridge} mtu ${mtu}`,
    ...(isUp ? [] : [`link set dev ${bridge} down`]),
  )
}

/** Lines that create a TAP. It is down and not on the bridge, so the machine is isolated. */
export function tapCommands(tap: string, mtu: number, mark?: Mark): string {
  return lines(
    `tuntap add dev ${tap} mode tap${mark ? ` user ${mark.uid}` : ''}`,
    ...markCommand(tap, mark),
    `link set dev ${tap} mtu ${mtu}`,
  )
}

export function joinCommands(tap: string, bridge: string): string {
  return lines(`link set dev ${tap} master ${bridge}`, `link set dev ${tap} up`)
}

/** Lines that make the kernel ask who has these addresses, even if it knows. */
export function askNeighboursCommands(bridge: string, addresses: readonly string[]): string {
  const asking = addresses.map((address) => `neighbour replace ${address} dev ${bridge} use`)
  return lines(`neighbour flush dev ${bridge}`, ...asking)
}

/** Lines that move a TAP into the network namespace of a process. A QEMU that has it open continues to use it. */
export function moveCommands(tap: string, pid: number): string {
  return lines(`link set dev ${tap} netns /proc/${pid}/ns/net`)
}

export function removeLinkCommands(names: readonly string[]): string {
  return lines(...names.map((name) => `link delete dev ${name}`))
}

/** The error when such lines fail; `purpose` as in `create bridge br0`. */
export function notMade(purpose: string): { message: string; hint: string } {
  return { message: `Could not ${purpose}`, hint: 'Run npx vitest-guest doctor to see what this host lacks.' }
}

export function lines(...commands: string[]): string {
  return commands.map((command) => `${command}\n`).join('')
}
