import { NetworkError, type HostError } from '../errors.ts'
import { requireTool } from '../host/program/tools.ts'
import { netdevId } from '../machine/command-line.ts'
import { runInside } from '../network/inside/run-inside.ts'
import {
  needsNetem,
  netemWords,
  resolveLinkLimit,
  tbfWords,
  type LinkLimit,
  type LinkLimitSpec,
} from '../options/network/link-limit.ts'
import { quote } from '../ssh/quote.ts'
import type { GuestContext } from './guest-context.ts'
import { LIST_CARDS } from './network/card-names.ts'

/** The cable of the guest's first network card, and what a test can do to it. */
export interface Link {
  /**
   * Unplugs the cable: the guest loses its carrier, and nothing reaches it, not even this test's SSH. Open connections
   * stall until `up()`.
   */
  down(): Promise<void>
  /** Plugs it back in. A stalled connection continues at TCP's next retransmission, which can take as long as the link was down. */
  up(): Promise<void>
  /**
   * Degrades the link, replacing any earlier limits; `limit({})` removes them all. Limits persist across
   * `reboot()`, `crash()`, `start()` and `restore()`, whatever they were when the snapshot was taken.
   *
   * `rate` applies in each direction: to the guest by tc on its TAP, from the guest by tc inside it. `latency`, `jitter` and `loss` apply
   * once per round trip: to packets to the guest if the host's kernel has netem, otherwise to packets from the guest, whose
   * kernel must then have it (`debian-12` does).
   *
   * @throws GuestError for a bad option; NetworkError when neither the host nor the guest supports it, and while the cable is unplugged,
   * because the guest is involved.
   */
  limit(limit: LinkLimit): Promise<void>
}

/** The kernel, or tc, does not know the queueing discipline. */
const UNKNOWN = /qdisc kind is unknown|Unknown qdisc|No such file or directory/

/** It was already removed, or never set. */
const NOTHING_THERE = /Cannot delete qdisc with handle of zero|Invalid handle|No such file or directory/

/** Sets `card` to the name of the guest's first card, which a test may have renamed. */
const FIRST_CARD = `card=$(${LIST_CARDS} | head -n 1)
card=\${card##* }
[ "$card" ] || { echo 'there is no network card' >&2; exit 1; }`

/** The link, and what its guest does after a reboot or a restore. */
export function link({ machine, network, hostname, exec }: GuestContext) {
  let isDown = false
  let current: LinkLimitSpec | undefined
  /** Whether limits are set that must be removed. */
  let isLimited = false

  const tap = () => network.attachments.find(({ member }) => member.hostname === hostname)?.tap

  /** Returns the reason if the host cannot do it. */
  const onHost = async (words: readonly string[] | undefined): Promise<string | undefined> => {
    const name = tap()
    if (name === undefined) return `a ${network.kind} network has no TAP`
    const change = words ? ['replace', 'dev', name, 'root', ...words] : ['delete', 'dev', name, 'root']
    const command = [requireTool('tc'), 'qdisc', ...change]
    try {
      await runInside(network, command)
      return undefined
    } catch (cause) {
      const { stderr = '' } = cause as HostError
      // There is nothing to remove.
      if (!words && NOTHING_THERE.test(stderr)) return undefined
      if (words && UNKNOWN.test(stderr)) return `the host's kernel has no ${words[0]}`
      throw new NetworkError(`The link limits of guest ${hostname} could not be changed`, { cause, stderr })
    }
  }

  const inGuest = async (words: readonly string[] | undefined): Promise<string | undefined> => {
    const change = words ? `replace dev "$card" root ${words.map(quote).join(' ')}` : 'delete dev "$card" root'
    const { exitCode, stderr } = await exec(`${FIRST_CARD}\ntc qdisc ${change}`, { reject: false })
    const isDone = exitCode === 0 || (!words && NOTHING_THERE.test(stderr))
    return isDone ? undefined : `in the guest: ${stderr}`
  }

  /** Throws if the last attempt failed; `reasons` are those of all attempts. */
  const insist = (what: string, ...reasons: (string | undefined)[]) => {
    if (reasons.at(-1) === undefined) return
    throw new NetworkError(`The link of guest ${hostname} cannot be limited (${what}): ${reasons.join('; ')}`, {
      hint: 'This needs the kernel modules sch_tbf and sch_netem, on the host or in the guest, and tc in the guest (Debian: iproute2).',
    })
  }

  const apply = async (spec: LinkLimitSpec | undefined) => {
    if (isLimited) {
      await onHost(undefined)
      insist('removing the limits', await inGuest(undefined))
    }
    isLimited = false
    if (!spec || (spec.rate === undefined && !needsNetem(spec))) return
    isLimited = true
    const slow = spec.rate === undefined ? undefined : tbfWords(spec.rate)
    const worse = needsNetem(spec) ? netemWords(spec) : undefined
    const reason = worse && (await onHost(worse))
    const isWorseOnHost = worse && reason === undefined
    if (slow && !isWorseOnHost) insist('rate, to the guest', await onHost(slow))
    if (worse && !isWorseOnHost) insist('latency, jitter, loss', reason, await inGuest(worse))
    else if (slow) insist('rate, from the guest', await inGuest(slow))
  }

  const set = async (up: boolean) => {
    await machine.qmp.execute('set_link', { name: netdevId(0), up })
    isDown = !up
  }
  const pulled = () =>
    isDown
      ? new NetworkError(`The cable of guest ${hostname} is pulled, so it cannot be reached`, {
          hint: 'await guest.link.up() plugs it in again.',
        })
      : undefined

  const limitTo = async (spec: LinkLimitSpec) => {
    try {
      await apply(spec)
      current = spec
    } catch (error) {
      current = resolveLinkLimit({})
      await apply(undefined).catch(() => {})
      throw error
    }
  }

  return {
    link: {
      down: () => set(false),
      up: () => set(true),
      limit: async (limit) => {
        const spec = resolveLinkLimit(limit)
        const why = pulled()
        if (why) throw why
        await limitTo(spec)
      },
    } satisfies Link,
    pulled,
    /** A reboot loses the limits inside the guest, and a snapshot has earlier ones. */
    reapply: async () => {
      if (!current) return
      isLimited = true
      await limitTo(current)
    },
    /** A guest with an unplugged cable could not be reached after a restore. */
    plugIn: () => set(true),
  }
}
