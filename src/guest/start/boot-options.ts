import type { Progress } from '../../image/resolve-image.ts'
import type { PhaseListener } from '../../lifetime/phases.ts'
import type { ConsoleListener } from '../../machine/console.ts'
import type { Network } from '../../network/network.ts'
import type { MachineOptions } from '../../options/guest-options.ts'
import type { NetworkKind, NetworkOptions } from '../../options/network/network-options.ts'
import type { InterfaceOptions } from '../network/interface.ts'

/** Options of one more guest on a network, and listeners for its start. */
export interface NetworkBootOptions extends MachineOptions {
  /** @default 'guest' */
  hostname?: string
  /**
   * Additional network cards, each on an open network, or on the guest's own; `guest.interfaces` has their names. A guest with additional cards
   * needs its own template.
   * @default []
   */
  interfaces?: readonly InterfaceOptions[]
  /** Aborts the boot; everything created so far is removed, then the signal's reason is thrown. */
  signal?: AbortSignal
  /** Called for every phase, when it starts and when it ends. */
  onPhase?: PhaseListener
  /** Called with the console of every machine that is started: the guest's, and that of its template if one is built. */
  onConsole?: ConsoleListener
  /** Called with each line of progress of an image build. */
  onProgress?: Progress
}

export interface BootOptions extends NetworkBootOptions {
  /** An open network, or the options of one to open. @default 'auto' */
  network?: Network | NetworkKind | NetworkOptions
  /** Subnet of the network that the guest opens for itself. @default '192.168.100.0/24' */
  subnet?: string
  /** Gateway of the network that the guest opens for itself. @default '192.168.100.50', else the subnet's first host address */
  gateway?: string
}
