import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Accelerator } from '../../accelerator/accelerator.ts'
import type { Image, Progress } from '../../image/resolve-image.ts'
import type { Disposers } from '../../lifetime/disposers.ts'
import type { Phases } from '../../lifetime/phases.ts'
import type { ConsoleListener } from '../../machine/console.ts'
import type { Attachment } from '../../network/network.ts'
import type { GuestSpec } from '../../options/guest-options.ts'
import { makeCredentials, type Credentials } from '../../seed/credentials.ts'
import { ResumeAgentPort } from '../../template/identity/resume-agent.ts'
import { bootMachine, type Booted } from './boot-machine.ts'
import { interfaceOf, type CardWish, type ReservedCard } from '../network/further-cards.ts'
import type { Interface } from '../network/interface.ts'
import { randomMac } from './random-mac.ts'
import { requireUnanswered, type Neighbourhood } from '../network/address-conflict.ts'

/** What both ways to start a guest begin with. */
export interface Start {
  readonly spec: GuestSpec
  readonly accel: Accelerator
  readonly image: Image
  readonly network: Neighbourhood
  /** Its place there; apart from the bridge, until it joins. */
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

/** A machine that is ready, however it came to be. */
export interface Started extends Booted {
  readonly start: 'warm' | 'cold'
  readonly agent: ResumeAgentPort
  readonly credentials: Credentials
  readonly macAddress: string
  /** Its additional network cards. */
  readonly interfaces: readonly Interface[]
  /** Our lines in its /etc/hosts. */
  readonly hosts?: string | undefined
}

/** Boots a guest from its image. */
export async function startCold(start: Start): Promise<Started> {
  const { spec, network, phases, signal, disposers } = start
  await phases.run('keeper', () => network.ready)
  const attachment = await phases.run('tap', () => start.place)
  await requireUnanswered(network, spec.address, signal)
  await attachment.join(signal)
  const credentials = makeCredentials(spec.rootPassword)
  const macAddress = spec.macAddress ?? randomMac()
  const seed = join(network.stateFolder, `seed-${spec.hostname}.iso`)
  disposers.defer(() => rm(seed, { force: true }))
  const further = (await Promise.all(start.further)).map((each) => ({
    ...each,
    macAddress: each.macAddress ?? randomMac(),
  }))
  const places = [{ network, attachment, macAddress }, ...further]
  const booted = await bootMachine({ ...start, places, instanceId: randomUUID(), credentials, seed }, disposers)
  const interfaces = further.map(interfaceOf)
  return {
    ...booted,
    start: 'cold',
    agent: new ResumeAgentPort(booted.machine.agentPort),
    credentials,
    macAddress,
    interfaces,
  }
}
