import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'ssh2'
import { BootError } from '../../errors.ts'
import { budgetFactor, type Accelerator } from '../../accelerator/accelerator.ts'
import type { Image, Progress } from '../../image/resolve-image.ts'
import { Deadline } from '../../lifetime/deadline.ts'
import type { Disposers } from '../../lifetime/disposers.ts'
import { timerMs } from '../../lifetime/longest-timer.ts'
import type { Phases } from '../../lifetime/phases.ts'
import type { MachineConfig } from '../../machine/command-line.ts'
import type { ConsoleListener } from '../../machine/console.ts'
import { startMachine, type Machine } from '../../machine/start-machine.ts'
import type { Attachment, Network } from '../../network/network.ts'
import type { GuestSpec } from '../../options/guest-options.ts'
import { layoutOf } from '../../options/network/network-options.ts'
import type { Credentials } from '../../seed/credentials.ts'
import type { SeedNic } from '../../seed/input.ts'
import { writeSeed } from '../../seed/volume.ts'
import type { Login } from '../../ssh/connect.ts'
import { seedFacts, seedNic } from './seed-nic.ts'
import { openSsh } from '../connection/open-ssh.ts'
import { requireCloudConfig, waitForCloudInit } from '../boot/cloud-init.ts'
import { cardNames } from '../network/card-names.ts'
import { setClock } from '../power/set-clock.ts'
import { explainBusyTap } from '../../network/diagnosis/tap-in-use.ts'
import { explainSilence, type Neighbourhood } from '../network/address-conflict.ts'
import type { RegisteredNetwork } from '../network/guest-registry.ts'
import type { CardWish, PluggedCard, ReservedCard } from '../network/further-cards.ts'
import { watchBoot } from '../boot/watch-boot.ts'
import { randomBytes } from 'node:crypto'

/** Milliseconds with KVM that sshd may be silent after the end of the boot. */
const SSHD_GRACE = 2000
/** Milliseconds after which QEMU's end is known, if an error of the SSH connection was only its consequence. */
const ECHO = 250

export interface Start {
  readonly spec: GuestSpec
  readonly accel: Accelerator
  readonly image: Image
  readonly network: Neighbourhood
  /** Makes a network one that knows its guests. */
  readonly register: (network: Network) => RegisteredNetwork
  /** Its place there; not on the bridge until it joins. */
  readonly place: Promise<Attachment>
  /** Its further cards, */
  readonly cards: readonly CardWish[]
  /** and their places. */
  readonly further: readonly Promise<ReservedCard>[]
  readonly phases: Phases
  readonly signal: AbortSignal | undefined
  readonly onProgress: Progress
  readonly onConsole: ConsoleListener
  readonly disposers: Disposers
}

export interface BootInput extends Pick<
  Start,
  'spec' | 'accel' | 'image' | 'network' | 'phases' | 'signal' | 'onConsole'
> {
  /** Its place on each network, in the order of its cards. */
  readonly places: readonly [PluggedCard, ...PluggedCard[]]
  /** Tells cloud-init whether it has done its work before. */
  readonly instanceId: string
  readonly credentials: Credentials
  /** Where to put the seed. */
  readonly seed: string
  /** Instead of the image. */
  readonly disk?: MachineConfig['disk']
  readonly memoryFile?: MachineConfig['memoryFile']
}

export interface Booted {
  readonly machine: Machine
  readonly client: Client
  /** What cloud-init reported as failed. */
  readonly warnings: readonly string[]
  /** In the order of its places. */
  readonly cardNames: readonly string[]
}

/** Boots a machine until it is ready. What it acquires is added to `disposers`. */
export async function bootMachine(input: BootInput, disposers: Disposers): Promise<Booted> {
  const { spec, accel, image, network, places, instanceId, credentials, seed, phases, signal } = input
  const { hostname, address, addressing } = spec
  const [{ macAddress, attachment }] = places
  const nics = places.map((place, index) => nicOf(spec, place, index))
  await phases.run('seed', () => writeSeed({ ...seedFacts(spec), instanceId, nics, credentials }, seed, signal))
  if (network.dhcp && addressing === 'dhcp') {
    disposers.use(await network.dhcp.reserve({ hostname, address, macAddress }))
  }
  const hardware = hardwareOf(spec, accel, image, places)
  const config = { ...hardware, disk: input.disk ?? image.disk, seed, memoryFile: input.memoryFile }
  const machine = disposers.use(
    await phases.run('qemu', () =>
      startMachine(config, { network, signal }).catch(async (error: unknown) => {
        throw await explainBusyTap(error, network, attachment)
      }),
    ),
  )

  // TAPs of further cards can only move to their networks now.
  await Promise.all(places.map((place) => place.attachment.join(signal)))
  input.onConsole(machine.console)
  return withinBudget({ machine, phases, ...bootBudget(spec, accel), signal }, async (boot, answered) => {
    const dial = (port: number, dialSignal: AbortSignal) => network.dial(address, port, dialSignal)
    const client = await openSsh(dial, rootLogin(credentials), boot, phases, answered)
    disposers.defer(() => client.destroy())
    const warnings = await phases.run('cloud-init', async () => {
      const errors = await waitForCloudInit(client, boot)
      if (spec.cloudInitErrors === 'throw') await requireCloudConfig(client, spec.cloudConfig, errors, boot)
      return errors
    })
    await phases.run('clock', () => setClock(client, boot))
    return { machine, client, warnings, cardNames: await cardNames(client, boot) }
  }).catch(async (error: unknown) => {
    throw await explainSilence(error, network, { hostname, address, macAddress })
  })
}

/** The part of a machine's configuration that follows from the guest's options and its cards. */
export function hardwareOf(
  spec: GuestSpec,
  accel: Accelerator,
  image: Image,
  cards: readonly Pick<PluggedCard, 'macAddress' | 'attachment'>[],
): Pick<MachineConfig, 'name' | 'accel' | 'memoryMib' | 'cpus' | 'direct' | 'nics'> {
  const { hostname: name, memoryMib, cpus, nic: model } = spec
  const nics = cards.map(({ macAddress, attachment: { netdev, monitor } }) => ({ model, macAddress, netdev, monitor }))
  return { name, accel, memoryMib, cpus, direct: image.direct, nics }
}

/** A machine uses DHCP and egress only on its first card. */
function nicOf({ addressing }: GuestSpec, place: PluggedCard, index: number): SeedNic {
  const { network, macAddress, attachment } = place
  const { address } = attachment.member
  if (index === 0) return seedNic(macAddress, { address, addressing }, network)
  const layout = { ...layoutOf(network), dhcpRange: undefined, egress: undefined }
  return seedNic(macAddress, { address, addressing: 'static' }, layout)
}

export function rootLogin({ hostPublicKey, clientKey }: Credentials): Login {
  return { user: 'root', hostPublicKey, privateKey: clientKey }
}

/** The time limit of a boot, and how long sshd may be silent after it, in milliseconds. */
export function bootBudget({ timeouts }: GuestSpec, accel: Accelerator): Pick<Budget, 'budget' | 'grace'> {
  const factor = budgetFactor(accel)
  return { budget: timerMs(timeouts.boot * factor), grace: SSHD_GRACE * factor }
}

interface Budget {
  machine: Machine
  phases: Phases
  budget: number
  grace: number
  signal: AbortSignal | undefined
  /** The console's position at the beginning of the start. @default 0 */
  since?: number
}

/** Runs the part of a start that waits for the guest. Ends early on evidence from the console, on QEMU's end, or on the signal. */
export async function withinBudget<T>(
  { machine, phases, budget, grace, signal, since = 0 }: Budget,
  work: (boot: AbortSignal, sshdAnswered: () => void) => Promise<T>,
): Promise<T> {
  using boot = new Deadline(budget, {
    signal,
    late: () => budgetSpent(budget, phases.current, machine.console.tail),
  })
  using watch = watchBoot(machine, grace, since, (error) => boot.abort(error))
  try {
    return await work(boot.signal, () => watch.sshdAnswered())
  } catch (error) {
    if (!boot.signal.aborted) await sleep(ECHO)
    throw boot.signal.aborted ? boot.signal.reason : error
  }
}

function budgetSpent(budget: number, phase: string, consoleTail: string): BootError {
  return new BootError(`The guest was not ready after ${Math.round(budget / 1000)} s; it was in phase '${phase}'`, {
    phase,
    elapsedMs: budget,
    consoleTail,
    hint: 'If the console shows that the boot is still progressing, allow more time with timeouts: { boot: milliseconds }.',
  })
}

/** Locally administered, unicast, in QEMU's customary range. */
export function randomMac(): string {
  return ['52', '54', '00', ...[...randomBytes(3)].map((byte) => byte.toString(16).padStart(2, '0'))].join(':')
}
