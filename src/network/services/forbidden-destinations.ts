import { networkInterfaces } from 'node:os'
import type { Egress } from '../../options/network/egress.ts'

/** The IPv4 special-purpose addresses (RFC 6890 and its registry) that a network near this host may use. */
const LOCAL = [
  '10.0.0.0/8',
  '100.64.0.0/10',
  '172.16.0.0/12',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
]

/** Local to this host or link, not a machine's, or a cloud's metadata service, which may hold secrets. */
const NEVER = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  // Link-local, including the metadata services of most clouds at 169.254.169.254.
  '169.254.0.0/16',
  // The metadata services of Oracle (192.0.0.192), Alibaba and Azure (WireServer).
  '192.0.0.0/24',
  '100.100.100.200/32',
  '168.63.129.16/32',
  '224.0.0.0/4',
  '240.0.0.0/4',
]

/** The subnets that egress does not reach. */
export function forbiddenDestinations({ lan }: Pick<Egress, 'lan'>, own = ownAddresses()): string[] {
  const all = lan ? NEVER : [...NEVER, ...LOCAL, ...own.map((address) => `${address}/32`)]
  return [...new Set(all)]
}

/** The host's firewall may trust connections to these addresses. */
function ownAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((addresses = []) => addresses)
    .filter(({ family, internal }) => family === 'IPv4' && !internal)
    .map(({ address }) => address)
}
