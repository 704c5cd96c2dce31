import { chooseAccelerator } from '../host/accelerator.ts'
import { resolveImage, type Progress } from '../image/resolve-image.ts'
import { acquire } from '../lifetime/disposers.ts'
import { Phases, type PhaseListener } from '../lifetime/phases.ts'
import type { ConsoleListener } from '../machine/console.ts'
import type { Network } from '../network/network.ts'
import { beginNetwork } from '../network/open-network.ts'
import { requireOptions } from '../options/check.ts'
import { resolveGuest, type GuestOptions } from '../options/guest-options.ts'
import { networkOptionsOf, resolveNetwork, type NetworkKind, type NetworkOptions } from '../options/network-options.ts'
import { interfacesOf, reserveInterfaces, resolveInterfaces, type InterfaceOptions } from './further-cards.ts'
import { guestHandle } from './guest-handle.ts'
import type { Guest } from './guest.ts'
import { withGuests } from './guest-network.ts'
import { keepWhenOff } from './power.ts'
import { residentsOf } from './residents.ts'
import { requireHost } from './require-host.ts'
import { startCold } from './start-cold.ts'
import { startWarm } from './start-warm.ts'
import { warnOnce } from '../host/warn-once.ts'

export interface BootOptions extends Omit<GuestOptions, 'network'> {
  /** An open network, or what the one to open shall be. @default 'auto' */
  network?: Network | NetworkKind | NetworkOptions
  /**
   * Further cards, each on another open network; eth1 is the first of them. A guest with any boots each time (`start: 'cold'`).
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

/**
 * Starts a guest and returns it when it is ready: its sshd has answered with the pinned host key, root is logged in,
 * logins are open, and cloud-init has run all its stages.
 *
 * By default it is the clone of a template, which is booted and frozen first when the cache has none for these options.
 *
 * @throws GuestError for a bad option, HostError, ImageError, NetworkError, BootError, or SshError; nothing is left
 * behind then.
 */
export async function bootGuest(options: BootOptions = {}): Promise<Guest> {
  requireOptions(options, 'bootGuest()')
  const {
    network: networkOption,
    interfaces = [],
    signal,
    onPhase,
    onConsole = () => {},
    onProgress,
    ...rest
  } = options
  const given = isOpen(networkOption) ? withGuests(networkOption, bootGuest) : undefined
  const networkOptions = networkOptionsOf({
    ...rest,
    ...(!isOpen(networkOption) && networkOption !== undefined && { network: networkOption }),
  })
  const taken = given?.members.map(({ address }) => address)
  const wish = resolveNetwork(networkOptions)
  // Where the network is to be is not known for sure before it is open.
  const wanted = resolveGuest(rest, given ?? wish, taken)
  const others = resolveInterfaces(interfaces, given)
  const phases = new Phases(onPhase, signal)
  signal?.throwIfAborted()

  return acquire(async (disposers) => {
    // Its neighbours forget it when its place has gone, which is made after this.
    if (given) disposers.defer(() => residentsOf(given).introduce())
    // On a network that is there the name and the address are taken at once: guests get them in the order of the calls.
    const attached = given && disposers.useSoon(given.reserve(wanted, signal))
    await phases.run('host', () => requireHost(given ? undefined : wish.kind))
    // One that is refused needs no image.
    await Promise.race([attached, Promise.resolve()])
    // A keeper takes its time to start, and knows nothing of images.
    const opening = given ?? disposers.useSoon(beginNetwork({ ...networkOptions, ...(signal && { signal }) }))
    const { accel, reason } = await phases.run('accelerator', () => chooseAccelerator(wanted.accel, signal))
    if (accel === 'tcg' && wanted.accel === 'auto') {
      warnOnce(`No KVM here, so guests run under emulation (TCG), about ten times slower: ${reason}`)
    }
    const image = await phases.run('image', () =>
      resolveImage(wanted.image, { ...(signal && { signal }), ...(onProgress && { onProgress }) }),
    )
    const network = await phases.run('network', async () => withGuests(await opening, bootGuest))
    const spec = given ? wanted : resolveGuest(rest, network)
    const place = attached ?? disposers.useSoon(network.reserve(spec, signal))
    const further = reserveInterfaces(others, spec, network, signal).map((place) => {
      void disposers.useSoon(place.then(({ attachment }) => attachment))
      return place
    })
    const tell = { onConsole, onProgress: onProgress ?? (() => {}) }
    const start = { spec, accel, image, network, place, further, phases, signal, ...tell, disposers }
    const warm = spec.start === 'warm' && further.length === 0 ? await startWarm(start) : undefined
    const started = warm ?? (await startCold(start))
    for (const warning of started.warnings) warnOnce(`cloud-init in guest ${spec.hostname}: ${warning}`)
    await keepWhenOff(started.machine)
    const own = given ? undefined : network
    const residents = residentsOf(network)
    const guest = guestHandle({
      ...started,
      spec,
      network,
      interfaces: await interfacesOf(further),
      image: image.label,
      accel,
      phases,
      disposers,
    })
    disposers.defer(() => {
      residents.leave(guest)
      // The network takes TAP and QEMU with it, so its end need not wait for theirs; its own turn, later, waits for it.
      void Promise.resolve(own?.[Symbol.asyncDispose]()).catch(() => {})
    })
    await residents.enter(guest, started.hosts ?? '')
    signal?.throwIfAborted()
    return guest
  })
}

function isOpen(network: BootOptions['network']): network is Network {
  return network instanceof Object && Symbol.asyncDispose in network
}
