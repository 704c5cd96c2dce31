import type { Attachment, Network } from '../../network/network.ts'
import { badOption } from '../../errors/bad-option.ts'
import { isPlainObject, refuseUnknown } from '../../options/check.ts'
import { staticAddress, type GuestSpec } from '../../options/guest-options.ts'
import { macAddressOf } from '../../address/mac-address.ts'
import type { NetworkLayout } from '../../options/network/network-options.ts'
import { type RegisteredNetwork, isNetwork } from './guest-registry.ts'
import type { Interface } from './interface.ts'

export interface PluggedCard extends ReservedCard {
  readonly macAddress: string
}

/** A requested further card; without a network, it is on the guest's own. */
export interface CardWish {
  readonly name: string
  readonly network: RegisteredNetwork | undefined
  readonly address: string | false | undefined
  readonly macAddress: string | undefined
}

export interface ReservedCard {
  readonly network: Network
  readonly attachment: Attachment
  /** Undefined unless one was requested. */
  readonly macAddress: string | undefined
}

const HINT = "Write interfaces: [{ network: other, address: '10.0.0.1' }], with an open network."

/** Checks further cards; `home` is the network of the first one. @throws GuestError naming the card at fault */
export function resolveInterfaces(interfaces: unknown, home: NetworkLayout): CardWish[] {
  if (!Array.isArray(interfaces)) throw badOption('interfaces', 'an array', interfaces, HINT)
  return interfaces.map((each: unknown, index) => {
    const name = `interfaces[${index}]`
    if (!isPlainObject(each)) throw badOption(name, 'an object', each, HINT)
    const { network, address, macAddress } = refuseUnknown(each, ['network', 'address', 'macAddress'], `${name}.`)
    if (network !== undefined && !isNetwork(network))
      throw badOption(`${name}.network`, 'an open network', network, HINT)
    // A default address is chosen only when the card is reserved.
    if (address !== undefined && address !== false) staticAddress(address, network ?? home, [], `${name}.address`)
    return {
      name,
      network,
      address: address as CardWish['address'],
      macAddress: macAddress === undefined ? undefined : macAddressOf(macAddress),
    }
  })
}

/** @param names of the cards, in the order of QEMU's command line */
export function interfacesOf(cards: readonly PluggedCard[], names: readonly string[]): Interface[] {
  return cards.map(({ network, attachment, macAddress }, index) => ({
    name: names[index] ?? '',
    network,
    address: attachment.member.address,
    macAddress,
  }))
}

/** Reserves a card's name and address on its network at once. */
export async function reserveCard(
  { name, network, address, macAddress }: CardWish,
  { hostname }: Pick<GuestSpec, 'hostname'>,
  home: Network | Promise<Network>,
  signal: AbortSignal | undefined,
): Promise<ReservedCard> {
  // No await in between if possible: addresses are given in the order of the calls.
  const where = network ?? ('then' in home ? await home : home)
  const taken = where.members.flatMap((member) => member.address ?? [])
  const own = address === false ? undefined : staticAddress(address, where, taken, `${name}.address`)
  const member = { hostname, address: own, ...(macAddress !== undefined && { macAddress }) }
  return { network: where, macAddress, attachment: await where.reserveFor(home, member, signal) }
}
