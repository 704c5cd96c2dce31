import { isIPv4 } from 'node:net'
import { badOption } from '../errors/bad-option.ts'

export interface Subnet {
  /** CIDR text, e.g. `192.168.100.0/24`. */
  readonly cidr: string
  readonly prefix: number
  readonly first: number
  readonly last: number
  readonly broadcast: string
}

/** The first byte of the addresses; those after multicast are reserved (RFC 6890). */
const LOOPBACK = 127
const MULTICAST = 224

/** `192.168.100.0/24`. @throws GuestError for anything else, and for a subnet too small for a bridge and a guest. */
export function parseSubnet(text: unknown): Subnet {
  const subnet = subnetAround(text)
  if (text === subnet.cidr) return subnet
  const hint = `Write subnet: '${subnet.cidr}', and set the guest's own address with address.`
  throw badOption('subnet', 'the first address of a subnet with its prefix length', text, hint)
}

/** The subnet that `192.168.100.50/24` is in. */
function subnetAround(text: unknown): Subnet {
  const [base = '', prefixText = ''] = typeof text === 'string' ? text.split('/') : []
  const prefix = Number(prefixText)
  if (!isIPv4(base) || !/^\d{1,2}$/.test(prefixText) || prefix < 8 || prefix > 30) {
    throw badOption('subnet', 'an IPv4 subnet from /8 to /30', text, "Write subnet: '192.168.100.0/24'.")
  }
  const size = 2 ** (32 - prefix)
  const first = Math.floor(toNumber(base) / size) * size
  const network = first / 2 ** 24
  if (network < 1 || Math.floor(network) === LOOPBACK || network >= MULTICAST) {
    const expected = 'a subnet of unicast addresses (not 0.0.0.0/8, 127.0.0.0/8, or 224.0.0.0 and above)'
    throw badOption('subnet', expected, text, "Write subnet: '192.168.100.0/24'.")
  }
  const last = first + size - 1
  return { cidr: `${toText(first)}/${prefix}`, prefix, first, last, broadcast: toText(last) }
}

/** A valid host address in `subnet`, for `option`. */
export function hostAddress(option: string, text: unknown, subnet: Subnet): string {
  const range = `${toText(subnet.first + 1)} to ${toText(subnet.last - 1)}`
  const hint = `Use an address from ${range}, or set subnet to the one it belongs to.`
  if (typeof text !== 'string' || !isIPv4(text)) throw badOption(option, 'an IPv4 address', text, hint)
  const address = toNumber(text)
  if (address <= subnet.first || address >= subnet.last) {
    throw badOption(option, `a host address inside the subnet ${subnet.cidr}`, text, hint)
  }
  return text
}

export function nthAddress(subnet: Subnet, offset: number): string {
  return toText(subnet.first + offset)
}

/** Every host address, from `start` to the end, then from the beginning. */
export function* hostAddresses({ first, last }: Subnet, start: string): Generator<string> {
  const begin = toNumber(start)
  for (let address = begin; address < last; address++) yield toText(address)
  for (let address = first + 1; address < begin; address++) yield toText(address)
}

export function toNumber(text: string): number {
  return text.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0)
}

export function toText(value: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(value / 2 ** shift) % 256).join('.')
}

/** The usual address if it belongs to the subnet, otherwise the one at `offset`. */
export function defaultIn(subnet: Subnet, usual: string, offset: number): string {
  const belongs = subnetAround(`${usual}/${subnet.prefix}`).first === subnet.first
  return belongs ? usual : nthAddress(subnet, offset)
}
