import { address6In } from '../../address/ipv6.ts'
import { DEFAULT_MTU } from '../../options/network/mtu.ts'
import { nameServerOf, type NetworkLayout } from '../../options/network/network-options.ts'
import type { GuestSpec } from '../../options/guest-options.ts'
import { baseOf } from '../../options/layer.ts'
import type { SeedInput, SeedNic } from '../../seed/input.ts'

/** The part of a seed that follows from the guest's options alone. */
export function seedFacts({ hostname, image, cloudConfig }: GuestSpec) {
  return { hostname, isPlain: 'base' in baseOf(image), cloudConfig } satisfies Partial<SeedInput>
}

/** A card in the seed, on a network where the guest has `address`, gets it by DHCP, or has none. */
export function seedNic(
  macAddress: string,
  { address, addressing }: Pick<GuestSpec, 'addressing'> & { readonly address: string | undefined },
  network: NetworkLayout,
): SeedNic {
  const { subnet, subnet6, mtu, egress } = network
  const nameServer = nameServerOf(network)
  return {
    macAddress,
    addresses: [
      ...(addressing === 'dhcp' || address === undefined ? [] : [`${address}/${subnet.prefix}`]),
      ...(subnet6 && address !== undefined ? [`${address6In(subnet6, address)}/${subnet6.prefix}`] : []),
    ],
    ...(addressing === 'dhcp' && { dhcp: true }),
    ...(egress && addressing === 'static' && { router: egress.router }),
    ...(nameServer !== undefined && { nameServer }),
    ...(mtu !== DEFAULT_MTU && { mtu }),
  }
}
