import { budgetFactor } from '../../accelerator/accelerator.ts'
import { messageOf } from '../../host/message-of.ts'
import { until } from '../../lifetime/until.ts'
import { firewallBetween } from '../../network/diagnosis/firewall.ts'
import type { Network, Member } from '../../network/network.ts'
import { exec } from '../../ssh/command/exec.ts'
import type { Guest } from '../guest.ts'
import type { GuestNetwork } from './guest-network.ts'
import { warnOnce } from '../../host/warn-once.ts'

/** Milliseconds with KVM for telling a guest about its neighbours. */
const BUDGET = 3000

export interface RegisteredNetwork extends GuestNetwork {
  readonly registry: GuestRegistry
}

interface Registered {
  readonly guest: Guest
  /** Our lines in its /etc/hosts, as far as known. */
  written: string | undefined
  /** Changes are made one at a time. */
  turn: Promise<void>
}

/** The guests that this process has started on a network. Each has the other members' names in its /etc/hosts. */
export class GuestRegistry {
  readonly guests: Guest[] = []
  readonly #network: Network
  readonly #registry = new Map<string, Registered>()
  #closing = false

  constructor(network: Network) {
    this.#network = network
  }

  /** @param written the lines that it already has */
  async enter(guest: Guest, written: string): Promise<void> {
    this.guests.push(guest)
    this.#registry.set(guest.hostname, { guest, written, turn: Promise.resolve() })
    await Promise.all([this.introduce(), this.#lookForFirewall()])
  }

  leave({ hostname }: Guest): void {
    const registered = this.#registry.get(hostname)
    if (!registered) return
    this.#registry.delete(hostname)
    this.guests.splice(this.guests.indexOf(registered.guest), 1)
  }

  /** For a guest after a start or a restore: its disk or snapshot may have older names. */
  async welcomeBack(hostname: string): Promise<void> {
    const registered = this.#registry.get(hostname)
    if (!registered) return
    if (this.#network.members.length > 1 || registered.written !== '') registered.written = undefined
    await this.#tell(registered)
  }

  /** Tells all running guests who is on the network. Others are told when they are back. */
  async introduce(): Promise<void> {
    if (!this.#closing) await Promise.all([...this.#registry.values()].map((registered) => this.#tell(registered)))
  }

  async close(): Promise<void> {
    this.#closing = true
    await Promise.all([...this.guests].map((guest) => guest[Symbol.asyncDispose]()))
  }

  /** Only a host network can have one. */
  async #lookForFirewall(): Promise<void> {
    if (this.#network.kind !== 'host' || this.guests.length < 2) return
    const firewall = await firewallBetween(this.#network).catch(() => undefined)
    if (firewall) warnOnce(firewall.message)
  }

  #tell(registered: Registered): Promise<void> {
    registered.turn = registered.turn.then(async () => {
      const { guest } = registered
      const isUp = () => guest.state === 'running'
      const block = hostsBlock(this.#network.members, guest.hostname)
      if (block === registered.written || !isUp()) return
      const limit = AbortSignal.timeout(BUDGET * budgetFactor(guest.accel))
      try {
        const client = await until(limit, guest.reconnect())
        await exec(client, WRITE_HOSTS, { input: block, cancelSignal: limit })
        registered.written = block
      } catch (error) {
        if (!isUp() || this.#closing || !this.guests.includes(guest)) return
        warnOnce(
          `The names of its neighbours could not be written to /etc/hosts of guest ${guest.hostname}: ${messageOf(error)}`,
        )
      }
    })
    return registered.turn
  }
}

/** Whether it is an open network, not the options of one. */
export function isNetwork(value: unknown): value is RegisteredNetwork {
  return typeof value === 'object' && value !== null && 'reserveFor' in value && 'registry' in value
}

const FIRST = '# vitest-guest: the other guests on this network'
const LAST = '# vitest-guest end'

/** The lines for /etc/hosts of the guest `own`: the others on its network. Empty when it is alone. */
export function hostsBlock(members: readonly Member[], own: string): string {
  const known = members.filter(({ hostname, address }) => hostname !== own && address !== undefined)
  // Only the first of several cards on this network.
  const others = known.filter(({ hostname }, at) => known.findIndex((each) => each.hostname === hostname) === at)
  if (others.length === 0) return ''
  return [FIRST, ...others.map(({ hostname, address }) => `${address}\t${hostname}`), LAST, ''].join('\n')
}

/** Replaces our lines in /etc/hosts by those on standard input. */
const WRITE_HOSTS = [
  `rest=$(sed '/^# vitest-guest: /,/^${LAST}$/d' /etc/hosts)`,
  `{ printf '%s\\n' "$rest"; cat; } >/etc/hosts`,
].join(' && ')
