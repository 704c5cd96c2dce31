import { randomUUID } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { makeCredentials } from '../../seed/credentials.ts'
import { ResumeAgentPort } from '../../template/identity/resume-agent.ts'
import { bootMachine, type BootInput, type Start, randomMac } from './boot-machine.ts'
import { imageToBoot } from './template-for.ts'
import type { Started } from './started.ts'
import { interfacesOf } from '../network/further-cards.ts'
import { requireUnanswered } from '../network/address-conflict.ts'

export async function startCold(start: Start): Promise<Started> {
  const { spec, network, phases, signal, disposers } = start
  await phases.run('keeper', () => network.ready)
  const image = 'layer' in spec.image ? await phases.run('layer', () => imageToBoot(start)) : start.image
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
  const places: BootInput['places'] = [{ network, attachment, macAddress }, ...further]
  const booted = await bootMachine({ ...start, image, places, instanceId: randomUUID(), credentials, seed }, disposers)
  const agent = new ResumeAgentPort(booted.machine.agentPort)
  const interfaces = interfacesOf(places, booted.cardNames)
  return { ...booted, start: 'cold', agent, credentials, macAddress, interfaces }
}
