import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { BootError } from '../../errors.ts'
import { budgetFactor } from '../../accelerator/accelerator.ts'
import { messageOf } from '../../host/message-of.ts'
import { run } from '../../host/program/run.ts'
import { Deadline } from '../../lifetime/deadline.ts'
import { acquire, Disposers } from '../../lifetime/disposers.ts'
import { Phases } from '../../lifetime/phases.ts'
import { until } from '../../lifetime/until.ts'
import type { Image } from '../../image/resolve-image.ts'
import type { LayerSpec } from '../../options/layer.ts'
import { egressOf, type Egress } from '../../options/network/egress.ts'
import { FreezeError } from '../../template/freeze.ts'
import { asParent, FILES, seal } from '../../template/store.ts'
import { tellOfFailure } from '../attendants.ts'
import { openSsh } from '../connection/open-ssh.ts'
import { guestHandle } from '../guest-handle.ts'
import type { Guest } from '../guest.ts'
import { keepWhenOff } from '../power/power.ts'
import { bootBudget, rootLogin, type Start } from '../start/boot-machine.ts'
import { building, explainFull, freezeGuest, makeOverlay, requireSpace } from '../start/build-template.ts'
import { cloneTemplate } from '../start/clone-template.ts'
import type { ChainedTemplate } from '../start/chained-template.ts'
import { forLayer } from './guest-of-layer.ts'
import { outputLines } from './output-lines.ts'
import { recipeOf } from './recipe.ts'
import { openEgress } from './open-egress.ts'
import { pendingOf } from '../wait/pending.ts'

interface LayerInput extends Pick<
  Start,
  'spec' | 'accel' | 'network' | 'register' | 'onProgress' | 'onConsole' | 'signal'
> {
  readonly layer: LayerSpec
  readonly recipe: string
  readonly parent: ChainedTemplate
  /** The image at its bottom. */
  readonly base: Image
  readonly key: string
  readonly label: string
}

/** Runs a layer's function on a clone of what is below it, and freezes that into `folder`. @throws BootError with the function's own error */
export async function buildLayer(folder: string, input: LayerInput): Promise<void> {
  const { layer, parent, key, label, spec, base, signal, onProgress } = input
  const { prepare, name } = layer
  if (!prepare) throw unknownHere(name)
  await requireSpace(folder, spec.memoryMib, label)
  const startedAt = performance.now()
  const seconds = () => Math.round((performance.now() - startedAt) / 1000)
  const phases = new Phases(({ name: phase, durationMs }) => {
    if (durationMs === undefined) onProgress(`template ${label}: ${phase} (${seconds()} s)`)
  }, signal)
  const files = { memory: join(folder, FILES.memory), disk: join(folder, FILES.disk) }
  const unchangeable = await acquire(async (disposers) => {
    await phases.run('copy', async () => {
      const from = join(parent.folder, FILES.memory)
      await run('cp', ['--sparse=always', '--reflink=auto', '--', from, files.memory], { signal })
      await makeOverlay(
        files.disk,
        { disk: { path: join(parent.folder, FILES.disk), format: 'qcow2' }, size: base.size },
        signal,
      )
      await copyFile(join(parent.folder, FILES.seed), join(folder, FILES.seed))
    })
    const egress = egressFor(input)
    const { network: opened, attachment } = await phases.run('network', () => building(input, disposers, egress))
    const network = input.register(opened)
    const place = Promise.resolve(attachment)
    const start: Start = { ...input, image: base, network, place, cards: [], further: [], phases, disposers }
    const started = await cloneTemplate(parent, start, files)
    await keepWhenOff(started.machine)
    await using handle = new Disposers()
    const onCommand = outputLines(name, onProgress)
    const parts = { ...start, ...started, network, image: label, startedAt: undefined, disposers: handle, onCommand }
    const { guest, endSpawned } = forLayer(guestHandle(parts))
    await phases.run('prepare', async () => {
      await network.registry.enter(guest, started.hosts ?? '')
      const access = egress && (await openEgress(guest, egress))
      await runPrepare(guest, input, prepare)
      await endSpawned()
      await access?.close()
    })
    // Nothing of ours is to be in it: clients, what was asked through them, its names for others.
    network.registry.leave(guest)
    await handle[Symbol.asyncDispose]()
    const frozen = await phases.run('freeze', async () => {
      const { machine, credentials, agent: _ } = started
      using limit = new Deadline(bootBudget(spec, input.accel).budget, { signal })
      const dial = (port: number, dialSignal: AbortSignal) => network.dial(spec.address, port, dialSignal)
      const client = await openSsh(dial, rootLogin(credentials), limit.signal)
      return await freezeGuest({ machine, client }, { ...input, network }, folder)
    })
    await disposers[Symbol.asyncDispose]()
    return frozen
  }).catch(async (error: unknown) => {
    throw await explainFull(notFrozen(error, name), folder, label)
  })
  if ((await recipeOf(layer, signal)) !== input.recipe) throw changedMeanwhile(name)
  await seal(folder, {
    key,
    label,
    image: join(parent.folder, FILES.disk),
    parent: asParent(parent),
    instanceId: parent.instanceId ?? parent.key,
    memoryMib: spec.memoryMib,
    createdAt: new Date().toISOString(),
    buildMs: Math.round(performance.now() - startedAt),
    hostname: parent.hostname,
    cards: parent.cards,
    unchangeable,
    credentials: parent.credentials,
    warnings: parent.warnings,
  })
  onProgress(`template ${label}: built in ${seconds()} s`)
}

/** Egress for the function alone; none if the network has its own. */
function egressFor({ layer: { egress }, network }: LayerInput): Egress | undefined {
  return network.egress ? undefined : egressOf(egress, network.subnet, network.gateway)
}

async function runPrepare(guest: Guest, input: LayerInput, prepare: NonNullable<LayerSpec['prepare']>): Promise<void> {
  const { layer, accel, signal } = input
  const { name } = layer
  const budget = layer.timeout * budgetFactor(accel)
  const since = new Date()
  const late = () =>
    new BootError(
      `The layer ${name} was not prepared after ${Math.round(budget / 1000)} s${waitingFor(guest, since)}`,
      {
        elapsedMs: budget,
        hint: 'If its function was still progressing, allow it more time with timeout: milliseconds.',
      },
    )
  using limit = new Deadline(budget, { signal, late })
  const run = Promise.resolve().then(() => prepare(guest as never))
  try {
    await until(limit.signal, run).catch((cause: unknown) => {
      throw limit.isLate ? cause : failed(name, cause)
    })
    requireRunning(name, guest)
    // One that it has rebooted is waited for.
    await until(limit.signal, guest.reconnect())
  } catch (error) {
    signal?.throwIfAborted()
    if (error instanceof Error) await tellOfFailure({ guest, error, since, what: name })
    throw error
  }
}

function waitingFor({ id }: Guest, since: Date): string {
  const what = pendingOf(id, since).map((each) => each.what)
  return what.length === 0 ? '' : `; it is waiting for ${what.join(', ')}`
}

const STATES = { running: '', panicked: 'has panicked', off: 'is powered off', ended: 'is gone' } as const

/** @throws BootError */
function requireRunning(name: string, { state, console }: Guest): void {
  if (state === 'running') return
  throw new BootError(`The guest of the layer ${name} ${STATES[state]} at the end of its function`, {
    consoleTail: console.tail,
    hint: 'A layer is frozen as it runs. It may reboot its guest: await guest.reboot().',
  })
}

function failed(name: string, cause: unknown): BootError {
  const text = cause instanceof Error ? cause.message : String(cause)
  return new BootError(`Preparing the layer ${name} failed: ${text}`, { cause })
}

/** An image whose clones can be frozen, but not this one. */
function notFrozen(error: unknown, name: string): unknown {
  if (!(error instanceof FreezeError)) return error
  const hint = 'Does its function stop or remove systemd, python3 or sshd, or leave an SSH session open?'
  return new BootError(`The layer ${name} cannot be frozen: ${messageOf(error)}`, { cause: error, hint })
}

function changedMeanwhile(name: string): BootError {
  return new BootError(`The inputs of the layer ${name} changed while it was being prepared`, {
    hint: 'Run the tests again. Does something build these files meanwhile?',
  })
}

function unknownHere(name: string): BootError {
  return new BootError(`The layer ${name} has to be prepared, but its function is not known in this process`, {
    hint: 'The plugin prepares the layers of its own options before the tests. For other networks, or when the cache was emptied meanwhile, set the layer in the test file: test.override({ guestOptions: { image: app } }).',
  })
}
