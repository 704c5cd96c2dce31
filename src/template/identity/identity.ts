import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { parseJson } from '../../host/parse-json.ts'
import { defaultAddress } from '../../options/network/free-address.ts'
import { DEFAULT_HOSTNAME, type GuestSpec } from '../../options/guest-options.ts'
import type { NetworkLayout } from '../../options/network/network-options.ts'
import { BootError } from '../../errors.ts'

export interface Card {
  readonly macAddress: string
  /** Undefined for a further card without one. */
  readonly address: string | undefined
  /** On a network with IPv6. */
  readonly address6?: string
}

/** What distinguishes a clone. */
export interface Identity {
  readonly hostname: string
  readonly cards: readonly Card[]
}

/** Of a machine that is frozen, with what it calls its cards. */
export interface FrozenIdentity extends Identity {
  readonly cards: readonly (Card & { readonly name: string })[]
}

/** What the resume agent must change its machine to. */
export interface NewIdentity {
  readonly hostname: { readonly from: string; readonly to: string }
  readonly machineId: string
  readonly hostKey: string
  readonly hostPublicKey: string
  /** The cards that change. */
  readonly cards: readonly { readonly name: string; readonly from: Card; readonly to: Card }[]
  /** All our lines for /etc/hosts. */
  readonly hosts: string
}

/** The identity of a template: that of guests by default, so that most clones keep it. */
export function usualGuest({ macAddress: _, ...spec }: GuestSpec, network: NetworkLayout): GuestSpec {
  return { ...spec, hostname: DEFAULT_HOSTNAME, address: defaultAddress(network) }
}

/** The MAC address of an e1000 is frozen in its EEPROM, from where a reboot restores it; a DHCP client needs the network for its address. */
export function hasChangeableCards({ nic, addressing }: GuestSpec): boolean {
  return nic !== 'e1000' && addressing === 'static'
}

export function isIdentityOf({ hostname, address, macAddress }: GuestSpec, template: Identity): boolean {
  const [card] = template.cards
  return (
    hostname === template.hostname &&
    address === card?.address &&
    (macAddress === undefined || macAddress === card.macAddress)
  )
}

export function newIdentity(
  from: FrozenIdentity,
  to: Identity,
  { hostKey, hostPublicKey }: Pick<NewIdentity, 'hostKey' | 'hostPublicKey'>,
  hosts: string,
): NewIdentity {
  const cards = to.cards.map((card, index) => {
    const { name, ...before } = from.cards[index] as FrozenIdentity['cards'][number]
    return { name, from: before, to: card }
  })
  return {
    hostname: { from: from.hostname, to: to.hostname },
    machineId: randomUUID().replaceAll('-', ''),
    hostKey,
    hostPublicKey,
    cards: cards.filter(({ from: before, to: after }) => !isDeepStrictEqual(before, after)),
    hosts,
  }
}

/** @throws IdentityError when the machine does not report the requested identity. */
export function requireIdentity({ hostname, machineId, cards }: NewIdentity, answer: string): void {
  const cardsWanted = cards.map(({ to: { macAddress, address } }) => ({ macAddress, address }))
  const wanted = { hostname: hostname.to, machineId, cards: cardsWanted }
  if (!isDeepStrictEqual(parseJson(answer), wanted)) throw new IdentityError(answer.slice(0, QUOTED))
}

/** Characters of the machine's report that an error shows. */
const QUOTED = 1000

/** The clone runs, but did not become the requested guest, which has to be booted. */
export class IdentityError extends BootError {
  /** @param lastSeen what the machine reported instead, or why */
  constructor(lastSeen: string) {
    super('The clone could not take the requested identity', { lastSeen })
  }
}
