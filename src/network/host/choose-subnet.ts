import ipaddr from 'ipaddr.js'
import { NetworkError } from '../../errors.ts'
import { defaultIn, parseSubnet } from '../../address/ipv4.ts'
import {
  DEFAULT_GATEWAY,
  layoutOf,
  type NetworkLayout,
  type NetworkSpec,
} from '../../options/network/network-options.ts'
import type { HostAddress, HostRecord } from './host-record.ts'
import type { HostRoute } from './host-facts.ts'

export interface Taken {
  /** A subnet, or a single address. */
  readonly dst: string
  /** E.g. `the route 192.168.0.0/16 dev eth0`. */
  readonly what: string
}

/** Those after 192.168.100.0/24, then those before it. */
const OTHERS = [...range(101, 255), ...range(0, 99)]

/** The subnets and addresses in use by the host's routes, its interfaces, and its other networks; not the default route. */
export function takenBy(
  routes: readonly HostRoute[],
  addresses: ReadonlyMap<string, readonly HostAddress[]>,
  records: readonly HostRecord[],
): Taken[] {
  return [
    // First, because it says more than the network's route.
    ...records.flatMap(({ subnet, subnet6, owner }) =>
      [subnet, ...(subnet6 === undefined ? [] : [subnet6])].map((dst) => ({
        dst,
        what: `the network ${dst} of process ${owner}`,
      })),
    ),
    ...routes
      .filter(({ dst }) => dst !== 'default')
      .map(({ dst, dev }) => ({ dst, what: `the route ${dst}${dev === undefined ? '' : ` dev ${dev}`}` })),
    ...[...addresses].flatMap(([name, own]) =>
      own
        .map(({ local, prefixlen }) => `${local}/${prefixlen}`)
        .map((dst) => ({ dst, what: `the address ${dst} of ${name}` })),
    ),
  ]
}

/** The requested subnets or, if the first one is only the default, the next free one. @throws NetworkError when one is taken */
export function chooseSubnet(spec: NetworkSpec, all: readonly Taken[]): NetworkLayout {
  const { subnet, subnet6, isMovable } = spec
  const obstacle6 = subnet6 && inTheWay(subnet6.cidr, all)
  if (obstacle6) throw overlaps(subnet6.cidr, obstacle6, "subnet6: 'fd12:3456:789a::/64'")
  const obstacle = inTheWay(subnet.cidr, all)
  if (obstacle === undefined) return layoutOf(spec)
  if (isMovable) {
    const free = OTHERS.map((each) => `192.168.${each}.0/24`).find((each) => !inTheWay(each, all))
    if (free !== undefined) {
      const moved = parseSubnet(free)
      return { ...layoutOf(spec), subnet: moved, gateway: defaultIn(moved, DEFAULT_GATEWAY, 1) }
    }
  }
  throw overlaps(subnet.cidr, obstacle, "subnet: '10.123.45.0/24'")
}

function overlaps(cidr: string, { what }: Taken, example: string): NetworkError {
  return new NetworkError(`The subnet ${cidr} overlaps ${what}`, {
    hint: `Use another one, such as ${example}, or kind: 'private', which cannot overlap.`,
  })
}

function inTheWay(cidr: string, all: readonly Taken[]): Taken | undefined {
  return all.find(({ dst }) => overlap(cidr, dst))
}

function overlap(one: string, other: string): boolean {
  const [[first, prefix], [second, otherPrefix]] = [parse(one), parse(other)]
  return first.kind() === second.kind() && first.match(second, Math.min(prefix, otherPrefix))
}

function parse(text: string) {
  if (text.includes('/')) return ipaddr.parseCIDR(text)
  const address = ipaddr.parse(text)
  return [address, 8 * address.toByteArray().length] as const
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index)
}
