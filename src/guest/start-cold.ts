import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Accelerator } from '../host/accelerator.ts'
import type { Image, Progress } from '../image/resolve-image.ts'
import type { Disposers } from '../lifetime/disposers.ts'
import type { Phases } from '../lifetime/phases.ts'
import type { Network } from '../network/network.ts'
import type { GuestSpec } from '../options/guest-options.ts'
import { makeCredentials } from '../seed/credentials.ts'
import { WakePort } from '../template/waker.ts'
import { bootMachine } from './boot-machine.ts'
import { guestHandle } from './guest-handle.ts'
import type { Guest } from './guest.ts'
import { randomMac } from './random-mac.ts'
import { warnOnce } from './warn-once.ts'

/** What both ways to start a guest begin with. */
export interface Start {
  readonly spec: GuestSpec
  readonly accel: Accelerator
  readonly image: Image
  readonly network: Network
  readonly phases: Phases
  readonly signal: AbortSignal | undefined
  readonly onProgress: Progress
  readonly disposers: Disposers
}

/** Boots a guest from its image. */
export async function startCold(start: Start): Promise<Guest> {
  const { spec, accel, image, network, phases, signal, disposers } = start
  await phases.run('keeper', () => network.ready)
  const tap = await phases.run('tap', async () => disposers.use(await network.addTap(signal)))
  const credentials = makeCredentials(spec.rootPassword)
  const macAddress = randomMac()
  const seed = join(network.stateFolder, `seed-${tap.name}.iso`)
  disposers.defer(() => rm(seed, { force: true }))
  const booted = await bootMachine(
    { spec, accel, image, network, tap: tap.name, macAddress, credentials, seed, phases, signal },
    disposers,
  )
  for (const warning of booted.warnings) warnOnce(`cloud-init in guest ${spec.hostname}: ${warning}`)
  return guestHandle({
    ...booted,
    wake: new WakePort(booted.machine.wakePort),
    spec,
    start: 'cold',
    network,
    image: image.label,
    accel,
    phases,
    credentials,
    macAddress,
    disposers,
  })
}
