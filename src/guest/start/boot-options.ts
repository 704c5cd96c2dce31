import type { Progress } from '../../image/resolve-image.ts'
import type { PhaseListener } from '../../lifetime/phases.ts'
import type { ConsoleListener } from '../../machine/console.ts'
import type { Network } from '../../network/network.ts'
import type { MachineOptions } from '../../options/guest-options.ts'
import type { NetworkKind, NetworkOptions } from '../../options/network/network-options.ts'
import type { InterfaceOptions } from '../network/interface.ts'

/** What one more guest of a network may be, and who is told how it starts. */
export interface NetworkBootOptions extends MachineOptions {
  /** @default 'guest' */
  hostname?: string
  /**
   * Further cards, each on an open network, or on the guest's own; eth1 is the first of them. A guest with any has a template of its
   * own.
   * @default []
   */
  interfaces?: readonly InterfaceOptions[]
  /** Ends the boot; what was made so far is taken down, then the signal's reason is thrown. */
  signal?: AbortSignal
  /** Told of every phase as it starts and ends. */
  onPhase?: PhaseListener
  /** Given the console of every machine that is started: the guest's, and that of its template if it is built. */
  onConsole?: ConsoleListener
  /** Told line by line how the building of an image goes on. */
  onProgress?: Progress
}

export interface BootOptions extends NetworkBootOptions {
  /** An open network, or what the one to open shall be. @default 'auto' */
  network?: Network | NetworkKind | NetworkOptions
  /** Of the network it opens for itself. @default '192.168.100.0/24' */
  subnet?: string
  /** Of the network it opens for itself. @default '192.168.100.50', else the subnet's first host address */
  gateway?: string
}
