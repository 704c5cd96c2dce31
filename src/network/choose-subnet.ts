import { NetworkError } from '../errors.ts'
import { defaultIn, parseSubnet, type Subnet } from '../options/ipv4.ts'
import { DEFAULT_GATEWAY, placeOf, type NetworkPlace, type NetworkSpec } from '../options/network-options.ts'
import type { HostAddress, HostRecord } from './host-record.ts'
import type { HostRoute } from './host-facts.ts'

/** A range of addresses that is somebody's already. */
export interface Taken {
  readonly first: number
  readonly last: number
  /** E.g. `the route 192.168.0.0/16 dev eth0`. */
  readonly what: string
}

/** Those after 192.168.100.0/24, then those before it. */
const OTHERS = [...range(101, 255), ...range(0, 99)]

/** What the host's routes, its addresses, and its other networks take. The default route takes nothing. */
export function takenBy(
  routes: readonly HostRoute[],
  addresses: ReadonlyMap<string, readonly HostAddress[]>,
  records: readonly HostRecord[],
): Taken[] {
  return [
    // What is known of a network says more than its route.
    ...records.map(({ subnet, owner }) => taken(subnet, `the network ${subnet} of process ${owner}`)),
    ...routes
      .filter(({ dst }) => dst !== 'default')
      .map(({ dst, dev }) => taken(dst, `the route ${dst}${dev === undefined ? '' : ` dev ${dev}`}`)),
    ...[...addresses].flatMap(([name, own]) =>
      own.map(({ local, prefixlen }) => taken(`${local}/${prefixlen}`, `the address ${local}/${prefixlen} of ${name}`)),
    ),
  ]
}

/**
 * The subnet that was asked for, or, when nobody has chosen one, the next that is free.
 * @throws NetworkError when it is taken
 */
export function chooseSubnet(spec: NetworkSpec, all: readonly Taken[]): NetworkPlace {
  const { subnet, isMovable } = spec
  const obstacle = inTheWay(subnet, all)
  if (obstacle === undefined) return placeOf(spec)
  if (isMovable) {
    const free = OTHERS.map((each) => parseSubnet(`192.168.${each}.0/24`)).find((each) => !inTheWay(each, all))
    if (free) return { ...placeOf(spec), subnet: free, gateway: defaultIn(free, DEFAULT_GATEWAY, 1) }
  }
  throw new NetworkError(`The subnet ${subnet.cidr} overlaps ${obstacle.what}`, {
    hint: "Take another one, as in subnet: '10.123.45.0/24', or kind: 'private', which overlaps nothing.",
  })
}

function inTheWay({ first, last }: Subnet, all: readonly Taken[]): Taken | undefined {
  return all.find((each) => each.first <= last && first <= each.last)
}

/** `dst` may be larger than a network of ours could be, or a single address. */
function taken(dst: string, what: string): Taken {
  const [base = '', prefix = '32'] = dst.split('/')
  const size = 2 ** (32 - Number(prefix))
  const address = base.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0)
  const first = Math.floor(address / size) * size
  return { first, last: first + size - 1, what }
}

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index)
}
