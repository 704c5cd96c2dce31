import { budgetFactor } from '../../accelerator/accelerator.ts'
import { messageOf } from '../../host/message-of.ts'
import { until } from '../../lifetime/until.ts'
import { firewallBetween } from '../../network/diagnosis/firewall.ts'
import type { Network } from '../../network/network.ts'
import { exec } from '../../ssh/command/exec.ts'
import type { Guest } from '../guest.ts'
import { hostsBlock, WRITE_HOSTS } from './hosts-block.ts'
import { warnOnce } from '../../host/warn-once.ts'

/** With KVM, in milliseconds: what a guest may take to be told of its neighbours. */
const BUDGET = 3000

interface Resident {
  readonly guest: Guest
  /** The lines of ours in its /etc/hosts, as far as we know. */
  written: string | undefined
  /** One change of it at a time. */
  turn: Promise<void>
}

/** The guests that this process has started on a network. Each has the names of the network's other members in /etc/hosts. */
export class Residents {
  readonly guests: Guest[] = []
  readonly #network: Network
  readonly #residents = new Map<string, Resident>()
  #closing = false

  constructor(network: Network) {
    this.#network = network
  }

  /** @param written the lines that it has from its start */
  async enter(guest: Guest, written: string): Promise<void> {
    this.guests.push(guest)
    this.#residents.set(guest.hostname, { guest, written, turn: Promise.resolve() })
    await Promise.all([this.introduce(), this.#lookForFirewall()])
  }

  leave({ hostname }: Guest): void {
    const resident = this.#residents.get(hostname)
    if (!resident) return
    this.#residents.delete(hostname)
    this.guests.splice(this.guests.indexOf(resident.guest), 1)
  }

  /** The guest has been away: back on its disk, or in a snapshot, may be older names. */
  async welcomeBack(hostname: string): Promise<void> {
    const resident = this.#residents.get(hostname)
    if (!resident) return
    if (this.#network.members.length > 1 || resident.written !== '') resident.written = undefined
    await this.#tell(resident)
  }

  /** Tells everybody who is here by now. A guest that does not listen is told when it is back. */
  async introduce(): Promise<void> {
    if (!this.#closing) await Promise.all([...this.#residents.values()].map((resident) => this.#tell(resident)))
  }

  /** Disposes all of them. */
  async close(): Promise<void> {
    this.#closing = true
    await Promise.all([...this.guests].map((guest) => guest[Symbol.asyncDispose]()))
  }

  /** In a namespace of our own there is none. */
  async #lookForFirewall(): Promise<void> {
    if (this.#network.kind !== 'host' || this.guests.length < 2) return
    const firewall = await firewallBetween(this.#network).catch(() => undefined)
    if (firewall) warnOnce(firewall.message)
  }

  #tell(resident: Resident): Promise<void> {
    resident.turn = resident.turn.then(async () => {
      const { guest } = resident
      const isUp = () => guest.state === 'running'
      const block = hostsBlock(this.#network.members, guest.hostname)
      if (block === resident.written || !isUp()) return
      const limit = AbortSignal.timeout(BUDGET * budgetFactor(guest.accel))
      try {
        const client = await until(limit, guest.reconnect())
        await exec(client, WRITE_HOSTS, { input: block, cancelSignal: limit })
        resident.written = block
      } catch (error) {
        if (!isUp() || this.#closing || !this.guests.includes(guest)) return
        warnOnce(`Guest ${guest.hostname} does not know its neighbours: ${messageOf(error)}`)
      }
    })
    return resident.turn
  }
}

const ALL = new WeakMap<Network, Residents>()

export function residentsOf(network: Network): Residents {
  const known = ALL.get(network)
  if (known) return known
  const residents = new Residents(network)
  ALL.set(network, residents)
  return residents
}
