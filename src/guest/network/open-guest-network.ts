import type { Network } from '../../network/network.ts'
import { openNetwork as open, type OpenOptions } from '../../network/open-network.ts'
import { bootGuest } from '../start/boot-guest.ts'
import type { GuestNetwork } from './guest-network.ts'
import { GuestRegistry, type RegisteredNetwork } from './guest-registry.ts'

/**
 * Opens a host-only network for guests. It is closed, after its guests, when it is disposed of or this process ends.
 *
 * @throws GuestError for a bad option; HostError when a tool or /dev/net/tun is missing; NetworkError when the kernel
 * refuses the namespaces or the bridge.
 */
export async function openNetwork(options: OpenOptions = {}): Promise<GuestNetwork> {
  return guestNetwork(await open(options))
}

/** A network as it is, with the registry of its guests. */
export function guestNetwork(network: Network): RegisteredNetwork {
  const registry = new GuestRegistry(network)
  let isClosing = false
  const own = {
    registry,
    guests: registry.guests,
    boot: (options = {}) => bootGuest({ ...options, network: withGuests }),
    [Symbol.asyncDispose]: async () => {
      // A guest that has opened the network for itself disposes it, and must not be waited for then.
      if (!isClosing) {
        isClosing = true
        await registry.close()
      }
      await network[Symbol.asyncDispose]()
    },
  } satisfies Partial<RegisteredNetwork>
  // Property by property, as a spread would read its getters once and for all.
  const properties = { ...Object.getOwnPropertyDescriptors(network), ...Object.getOwnPropertyDescriptors(own) }
  const withGuests = Object.defineProperties({}, properties) as RegisteredNetwork
  return withGuests
}
