import { badOption } from './bad-option.ts'
import { isPlainObject, oneOf, refuseUnknown } from './check.ts'
import type { GuestOptions } from './guest-options.ts'
import { defaultIn, hostAddress, parseSubnet, type Subnet } from './ipv4.ts'

const KINDS = ['auto', 'private'] as const

/** `private` makes bridge and TAPs in a network namespace of its own and needs no root. `auto` takes that one. */
export type NetworkKind = (typeof KINDS)[number]

/** What a network may be. */
export interface NetworkOptions {
  /** @default 'auto' */
  kind?: NetworkKind
  /** @default '192.168.100.0/24' */
  subnet?: string
  /** The bridge's own address: the host, as guests see it. @default '192.168.100.50', else the subnet's first host address */
  gateway?: string
}

/** Where a network is. */
export interface NetworkPlace {
  readonly subnet: Subnet
  readonly gateway: string
}

/** Options checked and with every default filled in. */
export interface NetworkSpec extends NetworkPlace {
  readonly kind: NetworkKind
}

const DEFAULT_SUBNET = '192.168.100.0/24'
const DEFAULT_GATEWAY = '192.168.100.50'
const NETWORK_OPTION_NAMES = ['kind', 'subnet', 'gateway'] as const satisfies readonly (keyof NetworkOptions)[]

/** @throws GuestError naming the option, what it must be, what came, and what to write instead. */
export function resolveNetwork(options: NetworkOptions = {}): NetworkSpec {
  const { kind = 'auto', subnet: subnetText = DEFAULT_SUBNET } = refuseUnknown(options, NETWORK_OPTION_NAMES)
  const subnet = parseSubnet(subnetText)
  const gateway = options.gateway ?? defaultIn(subnet, DEFAULT_GATEWAY, 1)
  return { kind: oneOf('kind', kind, KINDS), subnet, gateway: hostAddress('gateway', gateway, subnet) }
}

/** Of a guest's options, those of the network it opens for itself. */
export function networkOptionsOf({ network = {}, subnet, gateway }: GuestOptions): NetworkOptions {
  if (typeof network !== 'string' && !isPlainObject(network)) {
    throw badOption(
      'network',
      'a kind, or an object',
      network,
      "Write network: 'private', or network: { kind: 'private' }.",
    )
  }
  return {
    ...(typeof network === 'string' ? { kind: network } : network),
    ...(subnet !== undefined && { subnet }),
    ...(gateway !== undefined && { gateway }),
  }
}
