import type { Network } from '../../network/network.ts'
import type { NetworkBootOptions } from '../start/boot-options.ts'
import type { Guest } from '../guest.ts'

/** A network to start guests on. Disposing it disposes of them first. */
export interface GuestNetwork extends Network {
  /** The guests that were started on it and not yet disposed of. */
  readonly guests: readonly Guest[]
  /**
   * Starts one more guest: `bootGuest` with this network. Guests can resolve one another's names. Several can be started at once;
   * without an `address` they get the next free ones, in the order of the calls.
   *
   *     const [web, db] = await Promise.all([network.boot({ hostname: 'web' }), network.boot({ hostname: 'db' })])
   *
   * @throws what `bootGuest` throws; NetworkError when the name or the address is already in use.
   */
  boot(options?: NetworkBootOptions): Promise<Guest>
}
