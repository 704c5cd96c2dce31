import { NetworkError } from '../../errors.ts'
import { chooseAccelerator } from '../../accelerator/accelerator.ts'
import { resolveImage } from '../../image/resolve-image.ts'
import { acquire } from '../../lifetime/disposers.ts'
import { held } from '../../lifetime/hold.ts'
import { Phases } from '../../lifetime/phases.ts'
import type { Network } from '../../network/network.ts'
import { beginNetwork } from '../../network/open-network.ts'
import { requireFunction, requireOptions, requireSignal } from '../../options/check.ts'
import { imageLabel } from '../../options/image.ts'
import { movedTo, resolveGuest, type GuestOptions } from '../../options/guest-options.ts'
import { networkOptionsOf, resolveNetwork } from '../../options/network/network-options.ts'
import { announce } from '../attendants.ts'
import { callerOf } from '../../errors/caller.ts'
import { reserveCard, resolveInterfaces } from '../network/further-cards.ts'
import { guestHandle } from '../guest-handle.ts'
import type { Guest } from '../guest.ts'
import { isNetwork } from '../network/guest-registry.ts'
import { OpenGuestNetwork } from '../network/open-guest-network.ts'
import { keepWhenOff } from '../power/power.ts'
import type { Start } from './boot-machine.ts'
import type { BootOptions } from './boot-options.ts'
import { requireHost } from './require-host.ts'
import { startCold } from './start-cold.ts'
import { startWarm } from './start-warm.ts'
import { warnOnce } from '../../host/warn-once.ts'

/**
 * Starts a guest and returns it when it is ready: its sshd has answered with the pinned host key, root is logged in,
 * logins are enabled, and cloud-init has completed all its stages.
 *
 * By default the guest is a clone of a template, which is first booted and frozen if the cache has none for these options.
 *
 * @throws GuestError for a bad option, HostError, ImageError, NetworkError, BootError, or SshError; in each case nothing is left
 * behind.
 */
export async function bootGuest(options: BootOptions = {}): Promise<Guest> {
  const startedAt = callerOf()
  return await held(() => boot(options, startedAt))
}

const register = (network: Network) => new OpenGuestNetwork(network)

async function boot(options: BootOptions, startedAt: string | undefined): Promise<Guest> {
  const {
    network: networkOption,
    interfaces = [],
    signal,
    onPhase,
    onConsole = () => {},
    onProgress = () => {},
    ...rest
  } = requireOptions(options, 'bootGuest()')
  requireSignal('signal', signal)
  for (const [name, listener] of Object.entries({ onPhase, onConsole, onProgress })) requireFunction(name, listener)
  const given = isNetwork(networkOption) ? networkOption : undefined
  const wish = resolveNetwork(networkOptionsOf(given ? rest : ({ ...rest, network: networkOption } as GuestOptions)))
  const taken = given?.members.flatMap(({ address }) => address ?? [])
  // The network's address is only certain once it is open.
  const wanted = resolveGuest(rest, given ?? wish, taken)
  const cards = resolveInterfaces(interfaces, given ?? wish)
  const phases = new Phases(onPhase, signal)
  signal?.throwIfAborted()

  return acquire(async (disposers) => {
    // Deferred before its place is created, so that its neighbours forget it after the place is gone.
    const others = new Set(cards.flatMap((card) => card.network ?? []))
    for (const each of given ? others.add(given) : others) disposers.defer(() => each.registry.introduce())
    // On an open network the name and the address are reserved at once: guests get them in the order of the calls.
    const attached = given && disposers.useSoon(given.reserve(wanted, signal))
    // So are those of its other cards, although their TAPs can only be created once the network that QEMU runs on exists.
    const opened = Promise.withResolvers<Network>()
    opened.promise.catch(() => {})
    const further = cards.map((card) => {
      const place = reserveCard(card, wanted, given ?? opened.promise, signal)
      void disposers.useSoon(place.then(({ attachment }) => attachment))
      return place
    })
    const taking = Promise.all([attached, ...further])
    taking.catch(() => {})
    disposers.defer(() => opened.reject(new NetworkError('The start of the guest was canceled')))
    await phases.run('host', () => requireHost(given ? undefined : wish.kind))
    // If a place is refused, no image is needed.
    await Promise.race([taking, Promise.resolve()])
    // The keeper starts while the image is resolved.
    const opening =
      given ?? disposers.useSoon(beginNetwork(wish, signal).then((network) => new OpenGuestNetwork(network)))
    const { accel, reason } = await phases.run('accelerator', () => chooseAccelerator(wanted.accel, signal))
    if (accel === 'tcg' && wanted.accel === 'auto') {
      warnOnce(`KVM is not available, so guests run under emulation (TCG), about ten times slower: ${reason}`)
    }
    const image = await phases.run('image', () =>
      resolveImage(wanted.image, { kernelParameters: wanted.kernelParameters, signal, onProgress }),
    )
    const network = await phases.run('network', async () => opening)
    const spec = given ? wanted : movedTo(network, wanted, wish)
    const place = attached ?? disposers.useSoon(network.reserve(spec, signal))
    opened.resolve(network)
    const listeners = { phases, signal, onConsole, onProgress }
    const start: Start = { spec, accel, image, network, register, place, cards, further, ...listeners, disposers }
    const warm = spec.start === 'warm' ? await startWarm(start) : undefined
    const started = warm ?? (await startCold(start))
    for (const warning of started.warnings) warnOnce(`cloud-init in guest ${spec.hostname}: ${warning}`)
    await keepWhenOff(started.machine)
    const label = 'layer' in spec.image ? imageLabel(spec.image) : image.label
    const guest = guestHandle({ ...start, ...started, network, image: label, startedAt })
    disposers.defer(() => {
      network.registry.leave(guest)
      // The guest's own network takes TAP and QEMU with it, so closing it need not wait for them. It is awaited later, in its turn.
      if (!given) void Promise.resolve(network[Symbol.asyncDispose]()).catch(() => {})
    })
    await Promise.all([
      network.registry.enter(guest, started.hosts ?? ''),
      ...[...others].filter((each) => each !== network).map((each) => each.registry.introduce()),
    ])
    signal?.throwIfAborted()
    await announce(guest)
    return guest
  })
}
