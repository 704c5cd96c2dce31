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
 * `private` creates the bridge and TAPs in a separate network namespace and needs no root. `host` creates them in this process's
 * namespace, with CAP_NET_ADMIN or `sudo -n`. `user` is QEMU's user networking for a single guest, and needs neither TUN nor
 * namespaces. `auto` uses the first of these that works on this host.
 */
export type NetworkKind = (typeof KINDS)[number]

/** Options of a network. */
export interface NetworkOptions {
  /** @default 'auto' */
  kind?: NetworkKind
  /**
   * For a `host` network it must not overlap any route of the host; there the default is the first of 192.168.100.0/24,
   * 192.168.101.0/24, … that does not.
   * @default '192.168.100.0/24'
   */
  subnet?: string
  /** The bridge's own address, at which guests see the host. @default '192.168.100.50', else the subnet's first host address */
  gateway?: string
  /**
   * IPv6 in addition to IPv4, e.g. `'fd00:100::/64'`. A machine with the address 192.168.100.50 also has fd00:100::c0a8:6432, which ends
   * with the same four bytes; this applies to the bridge, and to every guest through its seed.
   * @default none
   */
  subnet6?: string
  /** The MTU, in bytes, of the bridge, the TAPs, and the guests' cards. @default 1500 */
  mtu?: number
  /**
   * `dhcp`: a dnsmasq on the bridge leases guests their addresses and resolves their names. Only a `private` network supports
   * this, so `auto` then means `private`.
   * @default 'static'
   */
  addressing?: Addressing
  /**
   * The first and the last address to lease.
   * @default ['192.168.100.100', '192.168.100.199'], else from the subnet's second host address to its last
   */
  dhcpRange?: readonly [string, string]
  /**
   * Guests can reach the same public addresses as this host, IPv4 only, through slirp4netns, which uses the subnet's second and third
   * address; with `{ lan: true }` also private addresses, and those of this host. Its 127.0.0.1, link-local addresses and cloud metadata
   * services are always blocked. Names resolve as on the host. Nothing outside can reach the guests. Only a `private` network
   * supports this, so `auto` then means `private`.
   * @default false
   */
  egress?: boolean | EgressOptions
  /** The bridge of a `host` network. @default a new one with a unique name */
  bridge?: BridgeOptions
}

/** How guests get their addresses. */
export type Addressing = 'static' | 'dhcp'

/** Where a network is. */
export interface NetworkLayout {
  readonly subnet: Subnet
  /** The bridge's own address, at which guests see the host. */
  readonly gateway: string
  /** IPv6 in addition to IPv4; none by default. */
  readonly subnet6?: Subnet6 | undefined
  /** In bytes. */
  readonly mtu: number
  /** The addresses that are leased, with `addressing: 'dhcp'`. */
  readonly dhcpRange?: DhcpRange | undefined
  /** Access to the outside, with `egress`. */
  readonly egress?: Egress | undefined
}

/** Validated options with all defaults filled in. */
export interface NetworkSpec extends NetworkLayout {
  readonly kind: NetworkKind
  /** Whether the subnet is the default, so that another one may be used instead. */
  readonly isMovable: boolean
  readonly bridge: BridgeOptions | undefined
}

const DEFAULT_SUBNET = '192.168.100.0/24'
export const DEFAULT_GATEWAY = '192.168.100.50'
const NETWORK_OPTION_NAMES = [
  'kind', 'subnet', 'gateway', 'subnet6', 'mtu', 'addressing', 'dhcpRange', 'egress', 'bridge',
] as const satisfies readonly (keyof NetworkOptions)[] // prettier-ignore

/** @throws GuestError naming the option, what was expected, what was given, and what to write instead. */
export function resolveNetwork(given: NetworkOptions = {}): NetworkSpec {
  const options = refuseUnknown(given, NETWORK_OPTION_NAMES)
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

/** Only the layout of a network or a spec. */
export function layoutOf({ subnet, gateway, subnet6, mtu, dhcpRange, egress }: NetworkLayout): NetworkLayout {
  return { subnet, gateway, subnet6, mtu, dhcpRange, egress }
}

/** Another network like this one. */
export function specLike(network: NetworkLayout, kind: NetworkKind): NetworkSpec {
  return { kind, ...layoutOf(network), isMovable: false, bridge: undefined }
}

/** Extracts from a guest's options those of the network that it opens for itself. */
export function networkOptionsOf(options: GuestOptions): NetworkOptions {
  const { network: given = {}, subnet, gateway, address, addressing } = options
  const network = isPlainObject(given) ? readOnce(given, 'network.') : given
  if (typeof network !== 'string' && !isPlainObject(network)) {
    const hint = "Write network: 'private', or network: { kind: 'private' }."
    throw badOption('network', 'a network kind or an object', network, hint)
  }
  const own: NetworkOptions = typeof network === 'string' ? { kind: network } : network
  for (const [name, value] of Object.entries({ subnet, gateway })) {
    if (value === undefined || own[name as 'subnet'] === undefined) continue
    throw badOption(name, `omitted when network.${name} is set`, value, 'Set only one of the two.')
  }
  return {
    ...own,
    // A requested address fixes the subnet.
    ...(address !== undefined && own.subnet === undefined && { subnet: DEFAULT_SUBNET }),
    ...(subnet !== undefined && { subnet }),
    ...(gateway !== undefined && { gateway }),
    ...(addressing === 'dhcp' && { addressing }),
  }
}

/** Addresses that guests cannot have. */
export function reservedOn({ gateway, egress }: NetworkLayout): string[] {
  return [gateway, ...(egress ? [egress.router, egress.nameServer] : [])]
}

/** The name server of a network, if it has one. */
export function nameServerOf({ gateway, dhcpRange, egress }: NetworkLayout): string | undefined {
  return dhcpRange ? gateway : egress?.nameServer
}
