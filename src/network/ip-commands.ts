import type { NetworkPlace } from '../options/network-options.ts'

/** What a private network's bridge is called: nobody else is in its namespace. */
export const BRIDGE = 'br0'

/**
 * The bridge's own hardware address, locally administered, the same in every network with this gateway: a guest that was frozen
 * in one network and restored in another still knows how to answer its host.
 */
function bridgeMac(gateway: string): string {
  const bytes = ['52', '54', ...gateway.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'))]
  return bytes.join(':')
}

/**
 * Lines for `ip -batch -` that make the bridge.
 *
 * The neighbour table asks for an unanswered address every 100 ms instead of every second (and gives up after 0.3 s), so that a
 * dial to a guest that is still booting neither hangs for 3 s nor misses its first moment.
 */
export function bridgeCommands({ subnet, gateway }: NetworkPlace): string {
  return lines(
    'link set dev lo up',
    `link add name ${BRIDGE} address ${bridgeMac(gateway)} type bridge`,
    `address add ${gateway}/${subnet.prefix} broadcast ${subnet.broadcast} dev ${BRIDGE}`,
    `link set dev ${BRIDGE} up`,
    `ntable change name arp_cache dev ${BRIDGE} retrans 100`,
  )
}

/** Lines that make a TAP. It is down, and not on the bridge: nobody hears the machine. */
export function tapCommands(tap: string): string {
  return lines(`tuntap add dev ${tap} mode tap`)
}

/** Lines that put a TAP on the bridge. */
export function joinCommands(tap: string, bridge: string): string {
  return lines(`link set dev ${tap} master ${bridge}`, `link set dev ${tap} up`)
}

/** Lines that take a TAP down again. */
export function removeTapCommands(tap: string): string {
  return lines(`link delete dev ${tap}`)
}

function lines(...commands: string[]): string {
  return commands.map((command) => `${command}\n`).join('')
}
