import type { Network } from '../network/network.ts'
import { badOption } from '../options/bad-option.ts'
import { isPlainObject, refuseUnknown } from '../options/check.ts'
import { staticAddress, type GuestSpec } from '../options/guest-options.ts'
import { randomMac } from './random-mac.ts'
import type { Place } from './boot-machine.ts'

/** One more card of a guest. */
export interface InterfaceOptions {
  /** An open network, another than the guest's own. */
  network: Network
  /** Its static IPv4 address there. @default as `address` of a guest of that network */
  address?: string
}

/** A card that a guest has besides its first. */
export interface Interface {
  readonly network: Network
  readonly address: string
  readonly macAddress: string
}

const HINT = "Write interfaces: [{ network: other, address: '10.0.0.1' }], with an open network."

/** @throws GuestError naming what is wrong with which card. */
export function resolveInterfaces(interfaces: unknown, home: Network | undefined): Omit<Interface, 'macAddress'>[] {
  if (!Array.isArray(interfaces)) throw badOption('interfaces', 'a list', interfaces, HINT)
  const seen: (Network | undefined)[] = [home]
  return interfaces.map((each: unknown, index) => {
    const name = `interfaces[${index}]`
    if (!isPlainObject(each)) throw badOption(name, 'an object', each, HINT)
    refuseUnknown(each, ['network', 'address'], `${name}.`)
    const network = each['network'] as Network
    if (!(network instanceof Object && 'reserveFor' in network))
      throw badOption(`${name}.network`, 'an open network', network, HINT)
    if (seen.includes(network))
      throw badOption(`${name}.network`, 'another network than those of its other cards', network.subnet.cidr, HINT)
    seen.push(network)
    const taken = network.members.map(({ address }) => address)
    return { network, address: staticAddress(each['address'], network, taken, `${name}.address`) }
  })
}

/** Its places on the other networks, the names and addresses taken. */
export function reserveInterfaces(
  interfaces: readonly Omit<Interface, 'macAddress'>[],
  { hostname }: GuestSpec,
  home: Network,
  signal: AbortSignal | undefined,
): Promise<Place>[] {
  return interfaces.map(async ({ network, address }) => {
    const macAddress = randomMac()
    return {
      network,
      macAddress,
      attachment: await network.reserveFor(home, { hostname, address, macAddress }, signal),
    }
  })
}

export async function interfacesOf(places: readonly Promise<Place>[]): Promise<Interface[]> {
  return (await Promise.all(places)).map(({ network, macAddress, attachment: { member } }) => {
    return { network, macAddress, address: member.address }
  })
}
