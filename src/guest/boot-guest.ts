import { randomBytes, randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { budgetFactor, chooseAccelerator } from '../host/accelerator.ts'
import { resolveImage, type Progress } from '../image/resolve-image.ts'
import { acquire } from '../lifetime/disposers.ts'
import { Phases, type PhaseListener } from '../lifetime/phases.ts'
import { startMachine, type Machine } from '../machine/start-machine.ts'
import type { Network } from '../network/network.ts'
import { openNetwork } from '../network/open-network.ts'
import { resolveGuest, resolveNetwork, type GuestOptions, type NetworkKind } from '../options/guest-options.ts'
import { makeCredentials } from '../seed/credentials.ts'
import { writeSeed } from '../seed/volume.ts'
import { BootError } from '../errors.ts'
import { guestHandle } from './guest-handle.ts'
import type { Guest } from './guest.ts'
import { openSsh } from './open-ssh.ts'
import { requireHost } from './require-host.ts'
import { waitForCloudInit } from './wait-for-cloud-init.ts'
import { warnOnce } from './warn-once.ts'
import { watchBoot } from './watch-boot.ts'

export interface BootOptions extends Omit<GuestOptions, 'network'> {
  /** An open network, or the kind of the one to open. @default 'auto' */
  network?: Network | NetworkKind
  /** Ends the boot; what was made so far is taken down, then the signal's reason is thrown. */
  signal?: AbortSignal
  /** Told of every phase as it starts and ends. */
  onPhase?: PhaseListener
  /** Told line by line how the building of an image goes on. */
  onProgress?: Progress
}

/** With KVM, in milliseconds: how long sshd may be silent after the boot has finished. */
const SSHD_GRACE = 2000
/** An error of the SSH connection is often the echo of QEMU's end, which is told this much later, in milliseconds. */
const ECHO = 250

/**
 * Boots a guest and returns it when it is ready: its sshd has answered with the pinned host key, root is logged in,
 * logins are open, and cloud-init has run all its stages.
 *
 * @throws GuestError for a bad option, HostError, ImageError, NetworkError, BootError, or SshError; nothing is left
 * behind then.
 */
export async function bootGuest(options: BootOptions = {}): Promise<Guest> {
  const { network: wanted, signal, onPhase, onProgress, ...rest } = options
  const given = typeof wanted === 'object' ? wanted : undefined
  const networkOptions = {
    ...(typeof wanted === 'string' && { kind: wanted }),
    ...(rest.subnet !== undefined && { subnet: rest.subnet }),
    ...(rest.gateway !== undefined && { gateway: rest.gateway }),
  }
  const spec = resolveGuest(rest, given ?? resolveNetwork(networkOptions))
  const phases = new Phases(onPhase)
  signal?.throwIfAborted()

  return acquire(async (disposers) => {
    await phases.run('host', () => requireHost(given === undefined))
    const { accel, reason } = await phases.run('accelerator', () => chooseAccelerator(spec.accel, signal))
    if (accel === 'tcg' && spec.accel === 'auto') {
      warnOnce(`No KVM here, so guests run under emulation (TCG), about ten times slower: ${reason}`)
    }
    const image = await phases.run('image', () =>
      resolveImage(spec.image, { ...(signal && { signal }), ...(onProgress && { onProgress }) }),
    )
    const network =
      given ??
      disposers.use(await phases.run('network', () => openNetwork({ ...networkOptions, ...(signal && { signal }) })))
    const tap = await phases.run('tap', async () => disposers.use(await network.addTap(signal)))
    const credentials = makeCredentials(spec.rootPassword)
    const macAddress = randomMac()
    const seed = join(network.stateFolder, `seed-${tap.name}.iso`)
    disposers.defer(() => rm(seed, { force: true }))
    await phases.run('seed', () =>
      writeSeed(
        {
          hostname: spec.hostname,
          instanceId: randomUUID(),
          macAddress,
          address: spec.address,
          prefix: network.subnet.prefix,
          credentials,
          cloudConfig: spec.cloudConfig,
        },
        seed,
        signal,
      ),
    )
    const machine = disposers.use(
      await phases.run('qemu', () =>
        startMachine(
          {
            name: spec.hostname,
            accel,
            memoryMib: spec.memoryMib,
            cpus: spec.cpus,
            disk: { path: image.disk, format: image.format },
            direct: image.direct,
            seed,
            nic: { model: spec.nic, macAddress, tap: tap.name },
          },
          (command) => network.inside(command),
          signal,
        ),
      ),
    )

    const budget = spec.timeouts.boot * budgetFactor(accel)
    const grace = SSHD_GRACE * budgetFactor(accel)
    const login = { user: 'root', hostPublicKey: credentials.hostPublicKey, privateKey: credentials.clientKey }
    const { client, warnings } = await withinBudget(
      { machine, phases, budget, grace, signal },
      async (boot, answered) => {
        const ssh = await openSsh(
          (port, dialSignal) => network.dial(spec.address, port, dialSignal),
          login,
          boot,
          (name, work) => phases.run(name, work),
          answered,
        )
        disposers.defer(() => ssh.destroy())
        return { client: ssh, warnings: await phases.run('cloud-init', () => waitForCloudInit(ssh, boot)) }
      },
    )
    for (const warning of warnings) warnOnce(`cloud-init in guest ${spec.hostname}: ${warning}`)

    return guestHandle({
      spec,
      network,
      image: image.label,
      accel,
      phases,
      warnings,
      machine,
      client,
      login,
      credentials,
      macAddress,
      disposers,
    })
  })
}

interface Budget {
  machine: Machine
  phases: Phases
  budget: number
  grace: number
  signal: AbortSignal | undefined
}

/**
 * Runs the part of a boot that waits for the guest. It ends at once, with the best reason there is, on evidence from
 * the console, on QEMU's end, on the caller's signal, or when the budget is spent.
 */
async function withinBudget<T>(
  { machine, phases, budget, grace, signal }: Budget,
  work: (boot: AbortSignal, sshdAnswered: () => void) => Promise<T>,
): Promise<T> {
  const boot = new AbortController()
  using watch = watchBoot(machine, grace, (error) => boot.abort(error))
  const spent = () => boot.abort(budgetSpent(budget, phases.current, machine.console.tail))
  const timer = setTimeout(spent, budget)
  const abort = () => boot.abort(signal?.reason)
  signal?.addEventListener('abort', abort, { once: true })
  if (signal?.aborted) abort()
  try {
    return await work(boot.signal, () => watch.sshdAnswered())
  } catch (error) {
    if (!boot.signal.aborted) await sleep(ECHO)
    throw boot.signal.aborted ? boot.signal.reason : error
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
}

function budgetSpent(budget: number, phase: string, consoleTail: string): BootError {
  return new BootError(`The guest was not ready after ${Math.round(budget / 1000)} s; it was in phase '${phase}'`, {
    phase,
    elapsedMs: budget,
    consoleTail,
    hint: 'If the console shows a boot that goes on, give it longer with timeouts: { boot: milliseconds }.',
  })
}

/** Locally administered, unicast, in QEMU's customary range. */
function randomMac(): string {
  return ['52', '54', '00', ...[...randomBytes(3)].map((byte) => byte.toString(16).padStart(2, '0'))].join(':')
}
