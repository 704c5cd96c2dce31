import { NetworkError } from '../errors.ts'
import { address6In } from '../address/ipv6.ts'
import type { NetworkLayout } from '../options/network/network-options.ts'
import { bridgeMac, joinCommands, lines } from './ip-commands.ts'
import type { Attachment } from './network.ts'
import type { HostLink } from './diagnosis/topology.ts'

/** Guests that can reach one another, on a separate bridge. */
export interface Part {
  readonly bridge: string
  readonly places: readonly Attachment[]
}

/** Interface names have 15 characters (linux/if.h, IFNAMSIZ), and the parts are numbered. */
const LONGEST_STEM = 12

/** `coming` are names of guests not on the bridge yet. @throws NetworkError for a name that is unknown, not there yet, or in two groups */
export function partsOf(
  groups: readonly (readonly string[])[],
  places: readonly Attachment[],
  coming: readonly string[],
  bridge: string,
): Part[] {
  const seen = new Set<string>()
  return groups.map((names, index) => ({
    bridge: `${bridge.slice(0, LONGEST_STEM)}p${index + 1}`,
    places: names.flatMap((name) => {
      const own = places.filter(({ member }) => member.hostname === name)
      if (own.length === 0 && coming.includes(name)) {
        throw new NetworkError(`Guest ${name} is not on the network yet`, {
          hint: 'Partition the network after the guest has booted: await network.boot(…), then await network.partition(…).',
        })
      }
      if (own.length === 0) {
        const all = places.map(({ member }) => member.hostname).join(', ')
        throw new NetworkError(`There is no guest called ${name} on the network`, {
          hint: all === '' ? 'It has no guests.' : `Guests on it: ${all}.`,
        })
      }
      if (seen.has(name)) throw new NetworkError(`Guest ${name} cannot be in two groups`, { hint: 'Name it once.' })
      seen.add(name)
      return own
    }),
  }))
}

/**
 * Lines for `ip -batch -` that move the TAPs of each part to a separate bridge. It has the IP and MAC addresses of the network's bridge,
 * so that the guests still reach the host, and a route to each of them, so that the host reaches them.
 */
export function partitionCommands(parts: readonly Part[], place: NetworkLayout, alias?: string): string {
  const { gateway, subnet6, mtu } = place
  return parts
    .map(({ bridge, places }) =>
      lines(
        `link add name ${bridge} address ${bridgeMac(gateway)} type bridge`,
        ...(alias === undefined ? [] : [`link set dev ${bridge} alias ${alias}`]),
        `link set dev ${bridge} mtu ${mtu}`,
        `address add ${gateway}/32 dev ${bridge}`,
        ...(subnet6 ? [`address add ${address6In(subnet6, gateway)}/128 dev ${bridge} nodad`] : []),
        `link set dev ${bridge} up`,
        ...places.flatMap(({ tap = '', member: { address } }) => [
          joinCommands(tap, bridge).trimEnd(),
          ...(address === undefined ? [] : [`route add ${address}/32 dev ${bridge} src ${gateway}`]),
          ...(subnet6 && address !== undefined ? [`route add ${address6In(subnet6, address)}/128 dev ${bridge}`] : []),
        ]),
      ),
    )
    .join('')
}

/** Lines that move the remaining TAPs back to the network's bridge, also from an incomplete partition. Routes go with the parts' bridges. */
export function healCommands(
  parts: readonly Part[],
  present: readonly Attachment[],
  interfaces: readonly Pick<HostLink, 'ifname' | 'address'>[],
  { bridge, gateway }: { readonly bridge: string; readonly gateway: string },
): string {
  const isThere = (name: string | undefined) => interfaces.some(({ ifname }) => ifname === name)
  const isOurs = (name: string) =>
    interfaces.some(({ ifname, address }) => ifname === name && address === bridgeMac(gateway))
  return parts
    .map((part) =>
      lines(
        ...part.places
          .filter((place) => present.includes(place) && isThere(place.tap))
          .map(({ tap = '' }) => joinCommands(tap, bridge).trimEnd()),
        ...(isOurs(part.bridge) ? [`link delete dev ${part.bridge}`] : []),
      ),
    )
    .join('')
}
