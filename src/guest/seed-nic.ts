import { address6In } from '../options/ipv6.ts'
import { DEFAULT_MTU } from '../options/mtu.ts'
import type { NetworkPlace } from '../options/network-options.ts'
import type { SeedNic } from '../seed/input.ts'

/** What a guest is told of its card on a network where it has `address`. */
export function seedNic(macAddress: string, address: string, { subnet, subnet6, mtu }: NetworkPlace): SeedNic {
  return {
    macAddress,
    addresses: [
      `${address}/${subnet.prefix}`,
      ...(subnet6 ? [`${address6In(subnet6, address)}/${subnet6.prefix}`] : []),
    ],
    ...(mtu !== DEFAULT_MTU && { mtu }),
  }
}
