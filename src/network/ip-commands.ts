import { address6In } from '../options/ipv6.ts'
import type { NetworkPlace } from '../options/network-options.ts'

/** What a private network's bridge is called: nobody else is in its namespace. */
export const BRIDGE = 'br0'

/**
 * The bridge's own hardware address, locally administered, the same in every network with this gateway: a guest that was frozen
 * in one network and restored in another still knows how to answer its host.
 */
export function bridgeMac(gateway: string): string {
  const bytes = ['52', '54', ...gateway.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'))]
  return bytes.join(':')
}

/**
 * Lines for `ip -batch -` that make the bridge.
 *
 * The neighbour table asks for an unanswered address every 100 ms instead of every second (and gives up after 0.3 s), so that a
 * dial to a guest that is still booting neither hangs for 3 s nor misses its first moment.
 */
export function bridgeCommands({ subnet, gateway, subnet6, mtu }: NetworkPlace): string {
  return lines(
    'link set dev lo up',
    `link add name ${BRIDGE} address ${bridgeMac(gateway)} type bridge`,
    `address add ${gateway}/${subnet.prefix} broadcast ${subnet.broadcast} dev ${BRIDGE}`,
    // Nobody else can have it: no time is spent on asking.
    ...(subnet6 ? [`address add ${address6In(subnet6, gateway)}/${subnet6.prefix} dev ${BRIDGE} nodad`] : []),
    `link set dev ${BRIDGE} mtu ${mtu}`,
    `link set dev ${BRIDGE} up`,
    `ntable change name arp_cache dev ${BRIDGE} retrans 100`,
    ...(subnet6 ? [`ntable change name ndisc_cache dev ${BRIDGE} retrans 100`] : []),
  )
}

/** Lines that make a TAP. It is down, and not on the bridge: nobody hears the machine. */
export function tapCommands(tap: string, mtu: number): string {
  return lines(`tuntap add dev ${tap} mode tap`, `link set dev ${tap} mtu ${mtu}`)
}

/** Lines that put a TAP on the bridge. */
export function joinCommands(tap: string, bridge: string): string {
  return lines(`link set dev ${tap} master ${bridge}`, `link set dev ${tap} up`)
}

/** Lines that have the kernel ask who has these addresses, whatever it knows already. */
export function askNeighboursCommands(bridge: string, addresses: readonly string[]): string {
  const asking = addresses.map((address) => `neighbour replace ${address} dev ${bridge} use`)
  return lines(`neighbour flush dev ${bridge}`, ...asking)
}

/**
 * Lines that move a TAP into the network namespace of a process. QEMU goes on using it: it has it open, by a file of the
 * namespace in which it was made.
 */
export function moveCommands(tap: string, pid: number): string {
  return lines(`link set dev ${tap} netns /proc/${pid}/ns/net`)
}

/** Lines that take a TAP down again. */
export function removeTapCommands(tap: string): string {
  return lines(`link delete dev ${tap}`)
}

export function lines(...commands: string[]): string {
  return commands.map((command) => `${command}\n`).join('')
}
