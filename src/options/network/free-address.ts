import { badOption } from '../../errors/bad-option.ts'
import { defaultIn, hostAddresses } from '../../address/ipv4.ts'
import { freeLease, isInRange } from './dhcp.ts'
import { reservedOn, type Addressing, type NetworkLayout } from './network-options.ts'

const USUAL_ADDRESS = '192.168.100.224'

/** The address of a guest that is alone on a network. */
export function defaultAddress(network: NetworkLayout): string {
  return freeAddress(network, [])
}

/** The usual address, otherwise the next free one after it, otherwise before it. @throws GuestError when there is none */
export function freeAddress(
  network: NetworkLayout,
  taken: readonly string[],
  addressing: Addressing = 'static',
): string {
  const { subnet, dhcpRange } = network
  const unfree = [...reservedOn(network), ...taken]
  if (addressing === 'dhcp' && dhcpRange) return freeLease(dhcpRange, unfree)
  const usual = defaultIn(subnet, USUAL_ADDRESS, 2)
  const isFree = (address: string) => !unfree.includes(address) && !(dhcpRange && isInRange(dhcpRange, address))
  for (const address of hostAddresses(subnet, usual)) if (isFree(address)) return address
  const expected = `a subnet with room for more guests than the ${taken.length} on it`
  throw badOption('subnet', expected, subnet.cidr, "Write subnet: '192.168.100.0/24' for 253 guests.")
}
