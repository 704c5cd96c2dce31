import { badOption } from '../../errors/bad-option.ts'
import { hostAddress, toNumber, toText, type Subnet } from '../../address/ipv4.ts'

/** The range of addresses that a network leases. */
export interface DhcpRange {
  readonly first: string
  readonly last: string
}

const HINT = "Write dhcpRange: ['192.168.100.100', '192.168.100.199']."
const USUAL = { first: '192.168.100.100', last: '192.168.100.199' }

/** @throws GuestError for a range that is not inside the subnet */
export function parseRange(range: unknown, subnet: Subnet): DhcpRange {
  if (!Array.isArray(range) || range.length !== 2) throw badOption('dhcpRange', 'a pair of addresses', range, HINT)
  const [first, last] = range.map((address) => hostAddress('dhcpRange', address, subnet)) as [string, string]
  if (toNumber(first) > toNumber(last)) throw badOption('dhcpRange', 'two addresses, the lower one first', range, HINT)
  return { first, last }
}

/** The usual range if it belongs to the subnet, otherwise everything from the second host address on. */
export function defaultRange({ first, last }: Subnet): DhcpRange {
  const isUsual = [USUAL.first, USUAL.last].every((address) => toNumber(address) > first && toNumber(address) < last)
  return isUsual ? USUAL : { first: toText(first + 2), last: toText(last - 1) }
}

export function isInRange({ first, last }: DhcpRange, address: string): boolean {
  return toNumber(address) >= toNumber(first) && toNumber(address) <= toNumber(last)
}

/** The first free address of the range. @throws GuestError when all are taken */
export function freeLease(range: DhcpRange, taken: readonly string[]): string {
  for (let value = toNumber(range.first); value <= toNumber(range.last); value++) {
    const address = toText(value)
    if (!taken.includes(address)) return address
  }
  const hint =
    'Every address of the range is leased: give the network a longer dhcpRange, or the guest a static address.'
  throw badOption('dhcpRange', 'a range with a free address left', [range.first, range.last], hint)
}
