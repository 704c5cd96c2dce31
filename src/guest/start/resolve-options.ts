import { resolveGuest, type GuestOptions, type GuestSpec } from '../../options/guest-options.ts'
import { networkOptionsOf, resolveNetwork, type NetworkSpec } from '../../options/network/network-options.ts'

/** A guest and the network it opens for itself, checked and with every default filled in. @throws GuestError */
export function resolveOptions(options: GuestOptions): { spec: GuestSpec; network: NetworkSpec } {
  const network = resolveNetwork(networkOptionsOf(options))
  return { spec: resolveGuest(options, network), network }
}
