import { NetworkError } from '../errors.ts'
import type { Attachment, Member } from './network.ts'

/** Who is on a network: no two at the same address, or by the same name. */
export class Members {
  readonly #bridgeMac: string
  readonly #members = new Map<Member, Attachment | undefined>()
  /** The network that each is a guest of: only a guest with several cards may be here twice. */
  readonly #homes = new WeakMap<Member, unknown>()

  constructor(bridgeMac: string) {
    this.#bridgeMac = bridgeMac
  }

  /**
   * @param home identifies the network that it is a guest of
   * @param isFurther whether it is one more card of a guest, whose name may then be here already
   * @throws NetworkError when the address, the name, or the MAC address is taken.
   */
  admit(member: Member, home: unknown, isFurther = false): void {
    if (member.macAddress === this.#bridgeMac) throw takenMac(member.macAddress, 'the bridge itself')
    for (const other of this.#members.keys()) {
      if (other.address !== undefined && other.address === member.address) {
        const hint = 'Give each guest on a network its own address.'
        throw new NetworkError(`The address ${member.address} is already used by ${guestThere(other)}`, { hint })
      }
      const isSame = isFurther && this.#homes.get(other) === home
      if (other.hostname === member.hostname && !isSame) {
        throw new NetworkError(`The name ${member.hostname} is already used by another guest on the same network`, {
          hint: "Give each guest on a network its own name: hostname: 'db'.",
        })
      }
      if (member.macAddress !== undefined && other.macAddress === member.macAddress) {
        throw takenMac(member.macAddress, guestThere(other))
      }
    }
    this.#members.set(member, undefined)
    this.#homes.set(member, home)
  }

  arrive(attachment: Attachment): void {
    this.#members.set(attachment.member, attachment)
  }

  /** Returns whether it was still there. */
  leave(member: Member): boolean {
    return this.#members.delete(member)
  }

  /** All of them, including those still being attached. */
  get all(): Member[] {
    return [...this.#members.keys()]
  }

  get attachments(): Attachment[] {
    return [...this.#members.values()].filter((each) => each !== undefined)
  }
}

function guestThere({ hostname }: Member): string {
  return `guest ${hostname} on the same network`
}

function takenMac(macAddress: string, owner: string): NetworkError {
  return new NetworkError(`The MAC address ${macAddress} is already used by ${owner}`, {
    hint: 'Give each interface on a network its own macAddress, or omit it to get a random one.',
  })
}
