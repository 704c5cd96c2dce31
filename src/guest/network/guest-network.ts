import type { Network } from '../../network/network.ts'
import type { NetworkBootOptions } from '../start/boot-options.ts'
import type { Guest } from '../guest.ts'

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
