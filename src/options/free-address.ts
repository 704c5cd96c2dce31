import { badOption } from './bad-option.ts'
import { defaultIn, hostAddresses } from './ipv4.ts'
import type { NetworkPlace } from './network-options.ts'

const USUAL_ADDRESS = '192.168.100.224'

/** The address of a guest who is alone on a network. */
export function defaultAddress(network: NetworkPlace): string {
  return freeAddress(network, [])
}

/**
 * The usual address, or else the next one after it that nobody has; then those before it.
 * @throws GuestError when there is none.
 */
export function freeAddress({ subnet, gateway }: NetworkPlace, taken: readonly string[]): string {
  const usual = defaultIn(subnet, USUAL_ADDRESS, 2)
  const isFree = (address: string) => address !== gateway && !taken.includes(address)
  for (const address of hostAddresses(subnet, usual)) if (isFree(address)) return address
  throw badOption(
    'subnet',
    `one with room for another guest than the ${taken.length} on it`,
    subnet.cidr,
    "Write subnet: '192.168.100.0/24' for 253 guests.",
  )
}
