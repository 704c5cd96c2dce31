import { chooseAccelerator, type Accelerator } from '../../accelerator/accelerator.ts'
import { resolveImage, type Progress } from '../../image/resolve-image.ts'
import { acquire } from '../../lifetime/disposers.ts'
import { hold } from '../../lifetime/hold.ts'
import { Phases, type PhaseListener } from '../../lifetime/phases.ts'
import type { ConsoleListener } from '../../machine/console.ts'
import { openResolved } from '../../network/open-network.ts'
import { requireFunction, requireOptions, requireSignal } from '../../options/check.ts'
import { movedTo, type GuestOptions } from '../../options/guest-options.ts'
import { requireHost } from './require-host.ts'
import { resolveOptions } from './resolve-options.ts'
import { templateFor } from './start-warm.ts'

export interface PrepareOptions extends GuestOptions {
  /** Ends the work; the signal's reason is thrown. */
  signal?: AbortSignal
  /** Told of every phase as it starts and ends. */
  onPhase?: PhaseListener
  /** Given the console of the machine that is booted for a template. */
  onConsole?: ConsoleListener
  /** Told line by line how the building of an image or a template goes on; of nothing when both are there. */
  onProgress?: Progress
}

/** How guests with these options will start. */
export interface Preparation {
  readonly accel: Accelerator
  /** `warm`: there is a template now. `cold`: none was asked for, or a machine like this cannot be frozen. */
  readonly start: 'warm' | 'cold'
}

/**
 * Makes sure that the cache folder holds what guests with these options start from: the image, and with `start: 'warm'`
 * the template. What is missing is built; no guest is left running.
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
  if (wanted.spec.start === 'cold') return { accel, start: 'cold' }
  using _ = hold()
  return await acquire(async (disposers) => {
    // Only an open one tells of which kind it is, and where.
    const network = disposers.use(await phases.run('network', () => openResolved(wanted.network, signal)))
    const spec = movedTo(network, wanted.spec, wanted.network)
    const wish = { spec, network, accel, image, onProgress, onConsole, signal }
    const template = await phases.run('template', () => templateFor(wish))
    await disposers[Symbol.asyncDispose]()
    return { accel, start: 'unfreezable' in template ? 'cold' : 'warm' }
  })
}
