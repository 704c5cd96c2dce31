import { badOption } from '../../errors/bad-option.ts'
import type { Subnet6 } from '../../address/ipv6.ts'

export const DEFAULT_MTU = 1500
/** The minimum of every IPv4 host (RFC 791), and of every IPv6 link (RFC 8200). */
const LEAST = { ipv4: 576, ipv6: 1280 }
/** The limit of an e1000 (linux/drivers/net/ethernet/intel/e1000: MAX_JUMBO_FRAME_SIZE less the frame). */
const MOST = 16_110

export function checkMtu(mtu: unknown, subnet6: Subnet6 | undefined): number {
  const least = subnet6 ? LEAST.ipv6 : LEAST.ipv4
  if (typeof mtu === 'number' && Number.isInteger(mtu) && mtu >= least && mtu <= MOST) return mtu
  const expected = `a whole number of bytes from ${least}${subnet6 ? ' (the least for IPv6)' : ''} to ${MOST}`
  throw badOption('mtu', expected, mtu, 'Write mtu: 9000.')
}
