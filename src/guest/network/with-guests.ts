import type { Network } from '../../network/network.ts'
import type { Guest } from '../guest.ts'
import type { BootOptions, NetworkBootOptions } from '../start/boot-options.ts'
import type { GuestNetwork } from './guest-network.ts'
import { registryOf } from './guest-registry.ts'

/** The same network, for guests; `boot` is `bootGuest`. */
export function withGuests(network: Network, boot: (options: BootOptions) => Promise<Guest>): GuestNetwork {
  if (isGuestNetwork(network)) return network
  const registry = registryOf(network)
  const dispose = network[Symbol.asyncDispose].bind(network)
  let closing = false
  return Object.assign(network, {
    guests: registry.guests,
    boot: (options: NetworkBootOptions = {}) => boot({ ...options, network }),
    [Symbol.asyncDispose]: async () => {
      // A guest that has opened the network for itself disposes it, and must not be waited for then.
      if (!closing) {
        closing = true
        await registry.close()
      }
      await dispose()
    },
  })
}

function isGuestNetwork(network: Network): network is GuestNetwork {
  return 'boot' in network
}
