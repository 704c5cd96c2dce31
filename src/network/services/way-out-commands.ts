import type { NetworkLayout } from '../../options/network/network-options.ts'
import { lines } from '../ip-commands.ts'

/** A routing table of the namespace, for what comes from the bridge. */
const TABLE = 100

export interface WayOut extends Pick<NetworkLayout, 'mtu' | 'gateway'> {
  readonly bridge: string
  readonly tap: string
  readonly router: string
  readonly nameServer: string
  /** Where it does not lead. */
  readonly forbidden: readonly string[]
}

/** What has to be 1, and what 0, in the namespace's /proc/sys/net. */
export function wayOutSettings({ bridge, tap }: Pick<WayOut, 'bridge' | 'tap'>) {
  const ipv4 = (name: string, setting: string) => `/proc/sys/net/ipv4/conf/${name}/${setting}`
  return {
    // slirp4netns asks by ARP who has a guest's address.
    on: [ipv4(bridge, 'forwarding'), ipv4(tap, 'forwarding'), ipv4(tap, 'proxy_arp')],
    // What comes back is from anywhere. The larger of the two counts.
    off: [ipv4('all', 'rp_filter'), ipv4(tap, 'rp_filter')],
  }
}

/**
 * Lines for `ip -batch -` that have the kernel route what comes from the bridge to slirp4netns's TAP, which is not on it: by a table of
 * its own, so that nothing else on the network has a way out. What is not allowed is refused (ICMP), which a guest hears at once.
 *
 * The kernel answers ARP in the place of router and name server, and without the delay that it has for that. At these addresses
 * slirp4netns answers a ping, and the name server names; for any other port it would be one of the host's own (libslirp before 4.7).
 */
export function wayOutCommands({ bridge, tap, mtu, gateway, router, nameServer, forbidden }: WayOut): string {
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
    ...forbidden.map((subnet) => `route add prohibit ${subnet} table ${TABLE}`),
    `link set dev ${tap} mtu ${mtu}`,
    `link set dev ${tap} up`,
    ...ofSlirp.map((address) => `route add ${address} dev ${tap} table ${TABLE}`),
    `route add default via ${router} dev ${tap} onlink table ${TABLE}`,
    // For our own dnsmasq.
    `route add ${nameServer} dev ${tap} src ${gateway}`,
    ...[bridge, tap].map((name) => `ntable change name arp_cache dev ${name} proxy_delay 0`),
    ...ofSlirp.map((address) => `neighbour add proxy ${address} dev ${bridge}`),
  )
}
