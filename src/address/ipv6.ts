import { isIPv6 } from 'node:net'
import ipaddr from 'ipaddr.js'
import { badOption } from '../errors/bad-option.ts'

export interface Subnet6 {
  /** CIDR text, e.g. `fd00:100::/64`. */
  readonly cidr: string
  readonly prefix: number
}

const UNIQUE_LOCAL = ipaddr.IPv6.parseCIDR('fc00::/7')
const GLOBAL = ipaddr.IPv6.parseCIDR('2000::/3')
const HINT = "Write subnet6: 'fd00:100::/64'."
/** An IPv4 address has to fit after it. */
const LONGEST_PREFIX = 96

/** `fd00:100::/64`. @throws GuestError for anything else, and for addresses that are not unicast or only link-local */
export function parseSubnet6(text: unknown): Subnet6 {
  const [base = '', prefixText = ''] = typeof text === 'string' ? text.split('/') : []
  const prefix = Number(prefixText)
  if (!isIPv6(base) || base.includes('%') || !/^\d{1,3}$/.test(prefixText)) {
    throw badOption('subnet6', 'an IPv6 subnet', text, HINT)
  }
  if (prefix < 16 || prefix > LONGEST_PREFIX) {
    throw badOption('subnet6', `an IPv6 subnet from /16 to /${LONGEST_PREFIX}`, text, HINT)
  }
  const first = ipaddr.IPv6.networkAddressFromCIDR(`${base}/${prefix}`)
  if (!first.match(UNIQUE_LOCAL) && !first.match(GLOBAL)) {
    throw badOption('subnet6', 'a subnet of unique local (fd00::/8) or global addresses', text, HINT)
  }
  const cidr = `${first.toString()}/${prefix}`
  if (first.match(ipaddr.IPv6.parse(base), 128)) return { cidr, prefix }
  const expected = 'the first address of a subnet with its prefix length'
  throw badOption('subnet6', expected, text, `Write subnet6: '${cidr}'.`)
}

/** The address in `subnet6` of the machine that has `address`, with which it ends. */
export function address6In({ cidr }: Subnet6, address: string): string {
  const [subnet] = ipaddr.IPv6.parseCIDR(cidr)
  const bytes = [...subnet.toByteArray().slice(0, LONGEST_PREFIX / 8), ...ipaddr.IPv4.parse(address).toByteArray()]
  return ipaddr.fromByteArray(bytes).toString()
}
