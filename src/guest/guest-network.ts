import type { Network } from '../network/network.ts'
import type { BootOptions, NetworkBootOptions } from './boot-guest.ts'
import type { Guest } from './guest.ts'
import { residentsOf } from './residents.ts'

/** A network that guests can be started on. Disposing it disposes them first. */
export interface GuestNetwork extends Network {
  /** Those that were started here and are not disposed. */
  readonly guests: readonly Guest[]
  /**
   * Starts one more guest: `bootGuest` with this network. Each knows the others by their names. Several may be started at once;
   * without an `address` they get the next ones that are free, in the order of the calls.
   *
   *     const [web, db] = await Promise.all([network.boot({ hostname: 'web' }), network.boot({ hostname: 'db' })])
   *
   * @throws what `bootGuest` throws; NetworkError when the name or the address is another one's.
   */
  boot(options?: NetworkBootOptions): Promise<Guest>
}

/** The same network, for guests; `boot` is `bootGuest`. */
export function withGuests(network: Network, boot: (options: BootOptions) => Promise<Guest>): GuestNetwork {
  if (isGuestNetwork(network)) return network
  const residents = residentsOf(network)
  const dispose = network[Symbol.asyncDispose].bind(network)
  let closing = false
  return Object.assign(network, {
    guests: residents.guests,
    boot: (options: NetworkBootOptions = {}) => boot({ ...options, network }),
    [Symbol.asyncDispose]: async () => {
      // A guest that has opened the network for itself disposes it, and must not be waited for then.
      if (!closing) {
        closing = true
        await residents.close()
      }
      await dispose()
    },
  })
}

function isGuestNetwork(network: Network): network is GuestNetwork {
  return 'boot' in network
}
