import {
  networkOptionsOf,
  resolveGuest,
  resolveNetwork,
  type GuestOptions,
  type GuestSpec,
  type NetworkSpec,
} from '../options/guest-options.ts'

/**
 * A guest and the network it opens for itself, checked and with every default filled in.
 * @throws GuestError naming the option that is at fault.
 */
export function resolveOptions(options: GuestOptions): { spec: GuestSpec; network: NetworkSpec } {
  const network = resolveNetwork(networkOptionsOf(options))
  return { spec: resolveGuest(options, network), network }
}
