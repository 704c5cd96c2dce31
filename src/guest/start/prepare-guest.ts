import { chooseAccelerator, type Accelerator } from '../../accelerator/accelerator.ts'
import { resolveImage, type Progress } from '../../image/resolve-image.ts'
import { acquire } from '../../lifetime/disposers.ts'
import { hold } from '../../lifetime/hold.ts'
import { Phases, type PhaseListener } from '../../lifetime/phases.ts'
import type { ConsoleListener } from '../../machine/console.ts'
import { openResolved } from '../../network/open-network.ts'
import { requireFunction, requireOptions, requireSignal } from '../../options/check.ts'
import { movedTo, type GuestOptions, resolveGuest, type GuestSpec } from '../../options/guest-options.ts'
import { requireHost } from './require-host.ts'
import { imageToBoot, templateFor } from './template-for.ts'
import { OpenGuestNetwork } from '../network/open-guest-network.ts'
import type { Network } from '../../network/network.ts'
import { networkOptionsOf, resolveNetwork, type NetworkSpec } from '../../options/network/network-options.ts'

export interface PrepareOptions extends GuestOptions {
  /** Aborts; the signal's reason is thrown. */
  signal?: AbortSignal
  /** Called for every phase, when it starts and when it ends. */
  onPhase?: PhaseListener
  /** Called with the console of the machine that is booted for a template. */
  onConsole?: ConsoleListener
  /** Called with each line of progress of an image or template build; not at all when both exist. */
  onProgress?: Progress
}

/** How guests with the given options will start. */
export interface Preparation {
  readonly accel: Accelerator
  /** `warm`: a template exists now. `cold`: none was requested, or such a machine cannot be frozen. */
  readonly start: 'warm' | 'cold'
}

/**
 * Ensures that the cache contains what guests with these options start from: the image and, with `start: 'warm'`,
 * the template. Whatever is missing is built; no guest is left running.
 *
 * @throws GuestError for a bad option, HostError, ImageError, NetworkError, BootError, or SshError.
 */
export async function prepareGuest(options: PrepareOptions = {}): Promise<Preparation> {
  const {
    signal,
    onPhase,
    onConsole = () => {},
    onProgress = () => {},
    ...guest
  } = requireOptions(options, 'prepareGuest()')
  requireSignal('signal', signal)
  for (const [name, listener] of Object.entries({ onPhase, onConsole, onProgress })) requireFunction(name, listener)
  const wanted = resolveOptions(guest)
  const phases = new Phases(onPhase, signal)
  signal?.throwIfAborted()
  await phases.run('host', () => requireHost(wanted.network.kind))
  const { accel } = await phases.run('accelerator', () => chooseAccelerator(wanted.spec.accel, signal))
  const image = await phases.run('image', () =>
    resolveImage(wanted.spec.image, { kernelParameters: wanted.spec.kernelParameters, signal, onProgress }),
  )
  const isCold = wanted.spec.start === 'cold'
  if (isCold && !('layer' in wanted.spec.image)) return { accel, start: 'cold' }
  using _ = hold()
  return await acquire(async (disposers) => {
    // Only an open network has a definite kind and subnet.
    const network = disposers.use(await phases.run('network', () => openResolved(wanted.network, signal)))
    const spec = movedTo(network, wanted.spec, wanted.network)
    const register = (opened: Network) => new OpenGuestNetwork(opened)
    const wish = { spec, network, register, accel, image, onProgress, onConsole, signal }
    // A cold one boots from the disk of its layer.
    const template = await phases.run<object>('template', () => (isCold ? imageToBoot(wish) : templateFor(wish)))
    await disposers[Symbol.asyncDispose]()
    return { accel, start: isCold || 'unfreezable' in template ? 'cold' : 'warm' }
  })
}

/** A guest and the network it opens for itself, checked and with every default filled in. @throws GuestError */
export function resolveOptions(options: GuestOptions): { spec: GuestSpec; network: NetworkSpec } {
  const network = resolveNetwork(networkOptionsOf(options))
  return { spec: resolveGuest(options, network), network }
}
