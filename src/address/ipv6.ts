import { isIPv6, SocketAddress } from 'node:net'
import { badOption } from '../errors/bad-option.ts'

export interface Subnet6 {
  /** CIDR text, e.g. `fd00:100::/64`. */
  readonly cidr: string
  readonly prefix: number
}

const HINT = "Write subnet6: 'fd00:100::/64'."
const BITS = 128n
/** An IPv4 address has to fit in behind it. */
const LONGEST_PREFIX = 96

/** `fd00:100::/64`. @throws GuestError for anything else, and for addresses that are no machine's or of one link alone */
export function parseSubnet6(text: unknown): Subnet6 {
  const [base = '', prefixText = ''] = typeof text === 'string' ? text.split('/') : []
  const prefix = Number(prefixText)
  if (!isIPv6(base) || base.includes('%') || !/^\d{1,3}$/.test(prefixText)) {
    throw badOption('subnet6', 'an IPv6 subnet', text, HINT)
  }
  if (prefix < 16 || prefix > LONGEST_PREFIX) {
    throw badOption('subnet6', `an IPv6 subnet from /16 to /${LONGEST_PREFIX}`, text, HINT)
  }
  const shift = BITS - BigInt(prefix)
  const first = (toNumber(base) >> shift) << shift
  const isUniqueLocal = first >> 121n === 0xfcn >> 1n
  const isGlobal = first >> 125n === 1n
  if (!isUniqueLocal && !isGlobal) {
    throw badOption('subnet6', 'a subnet of unique local (fd00::/8) or global addresses', text, HINT)
  }
  const cidr = `${toText(first)}/${prefix}`
  if (first === toNumber(base)) return { cidr, prefix }
  const expected = 'the first address of a subnet with its prefix length'
  throw badOption('subnet6', expected, text, `Write subnet6: '${cidr}'.`)
}

/** The address in `subnet6` of the machine that has `address`: the one ends with the other. */
export function address6In({ cidr }: Subnet6, address: string): string {
  return toText(toNumber(cidr.split('/')[0] as string) | toNumber(`::${address}`))
}

function toNumber(text: string): bigint {
  // As the kernel writes it, but never with an IPv4 address at its end.
  const [head = '', tail] = new URL(`http://[${text}]`).hostname.slice(1, -1).split('::')
  const groupsOf = (part = '') => part.split(':').filter(Boolean)
  const [before, after] = [groupsOf(head), groupsOf(tail)]
  const zeros = Array.from({ length: 8 - before.length - after.length }, () => '0')
  return [...before, ...zeros, ...after].reduce((sum, group) => (sum << 16n) + BigInt(`0x${group}`), 0n)
}

function toText(value: bigint): string {
  const digits = value.toString(16).padStart(32, '0')
  return new SocketAddress({ family: 'ipv6', address: digits.replace(/(.{4})(?!$)/g, '$1:') }).address
}
