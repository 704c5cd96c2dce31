import { isAbsolute, join, relative } from 'node:path'
import { CommandError, HostError, NetworkError } from '../../errors.ts'
import { budgetFactor } from '../../accelerator/accelerator.ts'
import { cacheFolder } from '../../host/environment.ts'
import { run } from '../../host/program/run.ts'
import { requireTool } from '../../host/program/tools.ts'
import type { Image } from '../../image/resolve-image.ts'
import { Deadline } from '../../lifetime/deadline.ts'
import { acquire, type Disposers } from '../../lifetime/disposers.ts'
import { Phases } from '../../lifetime/phases.ts'
import type { Network } from '../../network/network.ts'
import { openResolved } from '../../network/open-network.ts'
import type { Egress } from '../../options/network/egress.ts'
import { specLike } from '../../options/network/network-options.ts'
import { makeCredentials } from '../../seed/credentials.ts'
import { exec } from '../../ssh/command/exec.ts'
import { freeze, FreezeError } from '../../template/freeze.ts'
import type { CardFacts } from '../../template/key.ts'
import { FILES, seal, type Parent } from '../../template/store.ts'
import { armCommand, ResumeAgentPort } from '../../template/identity/resume-agent.ts'
import { bootMachine, type Booted, type BootInput, type Start, randomMac } from './boot-machine.ts'
import type { PluggedCard } from '../network/further-cards.ts'
import { statfs } from 'node:fs/promises'

/** Milliseconds with KVM from a ready guest to a frozen one. */
const FREEZE_BUDGET = 30_000

/** `network` is where its clones will be, and `place` the first one's there. */
interface TemplateInput
  extends
    Pick<Start, 'spec' | 'accel' | 'image' | 'network' | 'onProgress' | 'onConsole' | 'signal'>,
    Partial<Pick<Start, 'place'>> {
  readonly key: string
  readonly label: string
  /** Whose disk its image is, if that is a layer. */
  readonly parent?: Parent | undefined
  /** Its further cards. */
  readonly cards: readonly (CardFacts & { readonly network: Network })[]
}

/** Boots a guest and freezes it into `folder`. @throws FreezeError when the guest is up but cannot be frozen */
export async function buildTemplate(folder: string, input: TemplateInput): Promise<void> {
  const { key, label, spec, image, signal } = input
  await requireSpace(folder, spec.memoryMib, label)
  const startedAt = performance.now()
  const seconds = () => Math.round((performance.now() - startedAt) / 1000)
  const phases = new Phases(({ name, durationMs }) => {
    if (durationMs === undefined) input.onProgress(`template ${label}: ${name} (${seconds()} s)`)
  }, signal)
  const credentials = makeCredentials(spec.rootPassword)
  const macAddress = spec.macAddress ?? randomMac()
  const { warnings, cardNames, unchangeable, places } = await acquire(async (disposers) => {
    await image.verify(signal)
    const { network, attachment } = await phases.run('network', () => building(input, disposers))
    const further = await furtherPlaces(input, network, disposers)
    const places: BootInput['places'] = [{ network, attachment, macAddress }, ...further]
    const disk = join(folder, FILES.disk)
    await makeOverlay(disk, image, signal)
    const boot: BootInput = {
      ...input,
      network,
      places,
      instanceId: key,
      credentials,
      seed: join(folder, FILES.seed),
      disk: { path: disk, format: 'qcow2', backing: image.disk, writable: true },
      memoryFile: { path: join(folder, FILES.memory), shared: true },
      phases,
    }
    const booted = await bootMachine(boot, disposers)
    const unchangeable = await phases.run('freeze', () => freezeGuest(booted, boot, folder))
    await disposers[Symbol.asyncDispose]()
    return { ...booted, unchangeable, places }
  }).catch(async (error: unknown) => {
    throw await explainFull(error, folder, label)
  })
  await seal(folder, {
    key,
    label,
    image: image.disk.path,
    ...(input.parent && { parent: input.parent }),
    memoryMib: spec.memoryMib,
    createdAt: new Date().toISOString(),
    buildMs: Math.round(performance.now() - startedAt),
    hostname: spec.hostname,
    cards: places.map(({ macAddress, attachment: { member } }, index) => ({
      name: cardNames[index] ?? '',
      macAddress,
      address: member.address,
    })),
    unchangeable,
    credentials,
    warnings,
  })
  input.onProgress(`template ${label}: built in ${seconds()} s`)
}

/**
 * A separate network, like that of its clones. The host's own namespace cannot have the subnet of a `host` network twice, but
 * a private network is as good. If that is impossible, the template is built on the network of its clones.
 * @param egress that these networks do not have
 */
export async function building(
  { spec, network, place, signal }: Pick<TemplateInput, 'spec' | 'network' | 'place' | 'signal'>,
  disposers: Disposers,
  egress?: Egress,
) {
  const kind = network.kind === 'host' ? 'private' : network.kind
  try {
    const own = disposers.use(await openResolved({ ...specLike(network, kind), ...(egress && { egress }) }, signal))
    return { network: own, attachment: disposers.use(await own.attach(spec, signal)) }
  } catch (error) {
    signal?.throwIfAborted()
    const isPossible = error instanceof HostError || error instanceof NetworkError
    if (network.kind !== 'host' || egress || !isPossible) throw error
  }
  const clones = await place
  const isSame = clones?.member.address === spec.address
  const member = { hostname: `template-of-${spec.hostname}`, address: spec.address }
  const attachment = isSame ? clones : disposers.use(await network.attach(member, signal))
  await attachment.join(signal)
  return { network, attachment }
}

/** On separate networks too, as many as the cards of its clones are on. */
async function furtherPlaces({ spec, network, cards, signal }: TemplateInput, home: Network, disposers: Disposers) {
  const opened = new Map([[network, home]])
  const places: PluggedCard[] = []
  for (const { network: like, address, macAddress = randomMac() } of cards) {
    let own = opened.get(like)
    if (!own) {
      own = disposers.use(await openResolved(specLike(like, home.kind), signal))
      opened.set(like, own)
    }
    const member = { hostname: spec.hostname, address, macAddress }
    places.push({ network: own, macAddress, attachment: disposers.use(await own.reserveFor(home, member, signal)) })
  }
  return places
}

/** Returns why its clones cannot become other guests; an empty string when they can. */
export async function freezeGuest(
  { machine, client }: Pick<Booted, 'machine' | 'client'>,
  { accel, network, signal }: Pick<BootInput, 'accel' | 'network' | 'signal'>,
  folder: string,
): Promise<string> {
  using limit = new Deadline(FREEZE_BUDGET * budgetFactor(accel), { signal })
  const armed = new ResumeAgentPort(machine.agentPort).armed(limit.signal)
  // Its failure only matters once the command has started the resume agent.
  armed.catch(() => {})
  try {
    await exec(client, armCommand('end'), { cancelSignal: limit.signal })
    client.end()
    const unchangeable = await armed
    await freeze(machine, { state: join(folder, FILES.state), stateFolder: network.stateFolder }, limit.signal)
    return unchangeable
  } catch (cause) {
    signal?.throwIfAborted()
    // A broken connection or QEMU says nothing about the next attempt.
    if (!limit.isLate && !(cause instanceof CommandError)) throw cause
    const why = limit.isLate
      ? 'it did not become idle in time'
      : 'it needs python3 (and, with systemd, systemd-run), to set its clock later'
    throw new FreezeError(`The guest cannot be frozen: ${why}`, { cause })
  }
}

/** An overlay that names an image of the same cache by its relative path, so that the cache can be moved as a whole. */
export async function makeOverlay(
  disk: string,
  image: Pick<Image, 'disk' | 'size'>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { path, format } = image.disk
  const inCache = relative(cacheFolder(), path)
  const isOurs = !inCache.startsWith('..') && !isAbsolute(inCache)
  const backing = isOurs ? join('..', '..', inCache) : path
  // -u: does not open the image or its backing files, because the size is known.
  const create = ['create', '-q', '-u', '-f', 'qcow2', '-F', format, '-b', backing, disk, `${image.size}`]
  await run(requireTool('qemu-img'), create, { signal })
}

/** MiB for the disk, the state, and what other processes write in the meantime. */
const RESERVE = 64
const HINT =
  "Free some (npx vitest-guest gc), move the cache with VITEST_GUEST_CACHE, or boot each time with start: 'cold'."

/** A template takes at most as much as the guest's memory, and a little for its disk. @throws HostError when there is less */
export async function requireSpace(folder: string, memoryMib: number, label: string): Promise<void> {
  const free = await freeMib(folder)
  const needed = memoryMib + RESERVE
  if (free >= needed) return
  const why = `${free} MiB are free in ${folder}, but ${needed} MiB are needed`
  throw new HostError(`Not enough space for the template ${label}: ${why}`, { hint: HINT })
}

/** A better error when the file system is full, which shows as SIGBUS in QEMU's memory, as EPIPE in its state, or as our own ENOSPC. */
export async function explainFull(error: unknown, folder: string, label: string): Promise<unknown> {
  const free = await freeMib(folder).catch(() => Infinity)
  if (free >= 1) return error
  const what = `The file system became full while the template ${label} was being built in ${folder}`
  return new HostError(what, { cause: error, hint: HINT })
}

async function freeMib(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return Math.floor((bavail * bsize) / 1024 / 1024)
}
