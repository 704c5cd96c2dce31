import { badOption } from '../errors/bad-option.ts'

const MAC_ADDRESS = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i
const HINT = "Write macAddress: '52:54:00:12:34:56', or omit it to get a unique one."

/** A card's hardware address, in lower case. @throws GuestError for an invalid one */
export function macAddressOf(value: unknown): string {
  if (typeof value !== 'string' || !MAC_ADDRESS.test(value)) {
    throw badOption('macAddress', 'six hexadecimal bytes separated by colons', value, HINT)
  }
  const address = value.toLowerCase()
  if (address === '00:00:00:00:00:00') throw badOption('macAddress', 'a non-zero address', value, HINT)
  // The lowest bit of the first byte means a group of cards (IEEE 802).
  if (Number.parseInt(address.slice(0, 2), 16) & 1) {
    const even = (Number.parseInt(address.slice(0, 2), 16) & 0xfe).toString(16).padStart(2, '0')
    const hint = `Use an even first byte: macAddress: '${even}${address.slice(2)}'.`
    throw badOption('macAddress', 'a unicast address, not a multicast one', value, hint)
  }
  return address
}
