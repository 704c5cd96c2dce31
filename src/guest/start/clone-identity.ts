import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Disposers } from '../../lifetime/disposers.ts'
import { address6In } from '../../address/ipv6.ts'
import { makeHostKey, type Credentials } from '../../seed/credentials.ts'
import { writeSeed } from '../../seed/volume.ts'
import { isIdentityOf, newIdentity, type Card, type NewIdentity } from '../../template/identity/identity.ts'
import type { Template } from '../../template/store.ts'
import { hostsBlock } from '../network/guest-registry.ts'
import { randomMac, type Start } from './boot-machine.ts'
import { seedFacts, seedNic } from './seed-nic.ts'

interface CloneIdentity {
  readonly macAddress: string
  readonly credentials: Credentials
  /** What the resume agent has to change; nothing when the clone keeps the template's identity. */
  readonly identity?: NewIdentity
  /** The seed that cloud-init reads when the clone reboots, if it differs from the template's. */
  readonly seed?: string
}

/**
 * Nothing, when the clone has the template's name and address. Otherwise another identity, with its own machine ID, host key and MAC
 * address; at the template's address it keeps its card. Its seed has another name and card under the same instance ID: cloud-init reads its
 * seed at each boot, and would put the old name into /etc/hosts.
 */
export async function cloneIdentityOf(template: Template, start: Start, disposers: Disposers): Promise<CloneIdentity> {
  const { spec, network, phases, signal } = start
  const { hostname, address } = spec
  const [card] = template.cards
  if (!card || isIdentityOf(spec, template)) {
    return { macAddress: card?.macAddress ?? '', credentials: template.credentials }
  }
  const credentials = { ...template.credentials, ...makeHostKey() }
  const macAddress = spec.macAddress ?? (address === card.address ? card.macAddress : randomMac())
  const seed = join(network.stateFolder, `seed-${hostname}.iso`)
  disposers.defer(() => rm(seed, { force: true }))
  await phases.run('seed', async () => {
    await network.ready
    const nics = [seedNic(macAddress, spec, network)]
    await writeSeed(
      { ...seedFacts(spec), instanceId: template.instanceId ?? template.key, nics, credentials },
      seed,
      signal,
    )
  })
  const cardOn = <T extends Card>(each: T): T => ({
    ...each,
    ...(network.subnet6 && each.address !== undefined && { address6: address6In(network.subnet6, each.address) }),
  })
  const from = { hostname: template.hostname, cards: template.cards.map(cardOn) }
  const to = { hostname, cards: [cardOn({ macAddress, address })] }
  const identity = newIdentity(from, to, credentials, hostsBlock(network.members, hostname))
  return { macAddress, credentials, identity, seed }
}
