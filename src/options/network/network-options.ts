import { badOption } from '../../errors/bad-option.ts'
import { isPlainObject, oneOf, readOnce, refuseUnknown } from '../check.ts'
import { defaultRange, parseRange, type DhcpRange } from './dhcp.ts'
import { egressOf, type Egress, type EgressOptions } from './egress.ts'
import type { GuestOptions } from '../guest-options.ts'
import { parseBridge, type BridgeOptions } from './bridge-options.ts'
import { defaultIn, hostAddress, parseSubnet, type Subnet } from '../../address/ipv4.ts'
import { parseSubnet6, type Subnet6 } from '../../address/ipv6.ts'
import { checkMtu, DEFAULT_MTU } from './mtu.ts'

const KINDS = ['auto', 'private', 'host', 'user'] as const

/**
 * `private` makes bridge and TAPs in a network namespace of its own and needs no root. `host` makes them in the namespace that
 * this process is in, with CAP_NET_ADMIN or `sudo -n`. `user` is QEMU's own network for one guest, and needs neither TUN nor
 * namespaces. `auto` takes the first of them that this host can make.
 */
export type NetworkKind = (typeof KINDS)[number]

/** What a network may be. */
export interface NetworkOptions {
  /** @default 'auto' */
  kind?: NetworkKind
  /**
   * Of a `host` network it must overlap no route of the host; there the default is the first of 192.168.100.0/24,
   * 192.168.101.0/24, … that does not.
   * @default '192.168.100.0/24'
   */
  subnet?: string
  /** The bridge's own address: the host, as guests see it. @default '192.168.100.50', else the subnet's first host address */
  gateway?: string
  /**
   * IPv6 beside IPv4, e.g. `'fd00:100::/64'`. Who has the address 192.168.100.50 has fd00:100::c0a8:6432 too, which ends with the
   * same four bytes: the bridge, and every guest by its seed.
   * @default none
   */
  subnet6?: string
  /** The largest packet, in bytes, of the bridge, the TAPs, and the guests' cards. @default 1500 */
  mtu?: number
  /**
   * `dhcp`: guests are given their addresses by a dnsmasq on the bridge, which knows their names too. A `private` network alone has
   * that: `auto` takes no other then.
   * @default 'static'
   */
  addressing?: Addressing
  /**
   * The first and the last address that are leased.
   * @default ['192.168.100.100', '192.168.100.199'], else from the subnet's second host address to its last
   */
  dhcpRange?: readonly [string, string]
  /**
   * Guests reach public addresses as this host does, IPv4 alone, by slirp4netns, which is at the subnet's second and third address;
   * with `{ lan: true }` also private ones, and those of this host. Never its 127.0.0.1, link-local addresses, or a cloud's metadata.
   * Names are those that the host's name server knows, wherever that one is. Nothing out there can reach them. A `private` network
   * alone has that: `auto` takes no other then.
   * @default false
   */
  egress?: boolean | EgressOptions
  /** Of a `host` network: its bridge. @default a new one with a name of its own */
  bridge?: BridgeOptions
}

/** How guests come by their addresses. */
export type Addressing = 'static' | 'dhcp'

/** Where a network is. */
export interface NetworkLayout {
  readonly subnet: Subnet
  /** The bridge's own address: the host, as guests see it. */
  readonly gateway: string
  /** IPv6 beside IPv4; none by default. */
  readonly subnet6?: Subnet6 | undefined
  /** The largest packet, in bytes. */
  readonly mtu: number
  /** The addresses that guests are given, with `addressing: 'dhcp'`. */
  readonly dhcpRange?: DhcpRange | undefined
  /** The way out, with `egress`. */
  readonly egress?: Egress | undefined
}

/** Options checked and with every default filled in. */
export interface NetworkSpec extends NetworkLayout {
  readonly kind: NetworkKind
  /** Nobody has chosen the subnet, so another one may be taken. */
  readonly isMovable: boolean
  readonly bridge: BridgeOptions | undefined
}

const DEFAULT_SUBNET = '192.168.100.0/24'
export const DEFAULT_GATEWAY = '192.168.100.50'
const NETWORK_OPTION_NAMES = [
  'kind', 'subnet', 'gateway', 'subnet6', 'mtu', 'addressing', 'dhcpRange', 'egress', 'bridge',
] as const satisfies readonly (keyof NetworkOptions)[] // prettier-ignore

/** @throws GuestError naming the option, what it must be, what came, and what to write instead. */
export function resolveNetwork(options: NetworkOptions = {}): NetworkSpec {
  return resolveRead(refuseUnknown(options, NETWORK_OPTION_NAMES))
}

function resolveRead(options: NetworkOptions): NetworkSpec {
  const { kind = 'auto', subnet: subnetText = DEFAULT_SUBNET } = options
  const subnet = parseSubnet(subnetText)
  const gateway = options.gateway ?? defaultIn(subnet, DEFAULT_GATEWAY, 1)
  const subnet6 = options.subnet6 === undefined ? undefined : parseSubnet6(options.subnet6)
  const egress = egressOf(options.egress ?? false, subnet, gateway)
  const dhcpRange = rangeOf(options, subnet)
  if ((egress || dhcpRange) && kind !== 'private' && kind !== 'auto') {
    const what = egress ? 'egress' : "addressing: 'dhcp'"
    throw badOption('kind', `'private' with ${what}`, kind, "Write kind: 'private', or leave kind out.")
  }
  return {
    kind: oneOf('kind', kind, KINDS),
    subnet,
    gateway: hostAddress('gateway', gateway, subnet),
    subnet6,
    mtu: checkMtu(options.mtu ?? DEFAULT_MTU, subnet6),
    dhcpRange,
    egress,
    isMovable: options.subnet === undefined && options.gateway === undefined,
    bridge: options.bridge === undefined ? undefined : parseBridge(options.bridge, kind),
  }
}

function rangeOf({ addressing = 'static', dhcpRange }: NetworkOptions, subnet: Subnet): DhcpRange | undefined {
  if (oneOf('addressing', addressing, ['static', 'dhcp']) === 'dhcp') {
    return dhcpRange === undefined ? defaultRange(subnet) : parseRange(dhcpRange, subnet)
  }
  if (dhcpRange === undefined) return undefined
  throw badOption('dhcpRange', "omitted without addressing: 'dhcp'", dhcpRange, "Add addressing: 'dhcp'.")
}

/** Where it is, and nothing else of it. */
export function layoutOf({ subnet, gateway, subnet6, mtu, dhcpRange, egress }: NetworkLayout): NetworkLayout {
  return { subnet, gateway, subnet6, mtu, dhcpRange, egress }
}

/** Another network like this one. */
export function specLike(network: NetworkLayout, kind: NetworkKind): NetworkSpec {
  return { kind, ...layoutOf(network), isMovable: false, bridge: undefined }
}

/** Of a guest's options, those of the network it opens for itself. */
export function networkOptionsOf(options: GuestOptions): NetworkOptions {
  const { network: given = {}, subnet, gateway, address, addressing } = options
  const network = isPlainObject(given) ? readOnce(given, 'network.') : given
  if (typeof network !== 'string' && !isPlainObject(network)) {
    throw badOption(
      'network',
      'a kind, or an object',
      network,
      "Write network: 'private', or network: { kind: 'private' }.",
    )
  }
  const twice = Object.entries({ subnet, gateway }).find(
    ([name, value]) => value !== undefined && typeof network !== 'string' && network[name as 'subnet'] !== undefined,
  )
  if (twice) {
    const [name, value] = twice
    throw badOption(name, `omitted when network.${name} is set`, value, 'Set only one of the two.')
  }
  const own: NetworkOptions = typeof network === 'string' ? { kind: network } : network
  return {
    ...own,
    // An address that was chosen says where the network is.
    ...(address !== undefined && own.subnet === undefined && { subnet: DEFAULT_SUBNET }),
    ...(subnet !== undefined && { subnet }),
    ...(gateway !== undefined && { gateway }),
    ...(addressing === 'dhcp' && { addressing }),
  }
}

/** Addresses that no guest can have. */
export function reservedOn({ gateway, egress }: NetworkLayout): string[] {
  return [gateway, ...(egress ? [egress.router, egress.nameServer] : [])]
}

/** Who knows names there; nobody on most networks. */
export function nameServerOf({ gateway, dhcpRange, egress }: NetworkLayout): string | undefined {
  return dhcpRange ? gateway : egress?.nameServer
}
