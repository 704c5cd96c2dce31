import { badOption } from './bad-option.ts'
import { nthAddress, type Subnet } from './ipv4.ts'

/** Where the way out is, on a network that has one: two addresses that no guest can have. */
export interface Egress {
  readonly router: string
  /** Knows what the host's name server knows. */
  readonly nameServer: string
}

/** slirp4netns puts itself at the second and the third address of a subnet, which must be this long at least. */
const LONGEST_PREFIX = 25

/** @throws GuestError when there is no room for it */
export function egressOf(egress: unknown, subnet: Subnet, gateway: string): Egress | undefined {
  if (typeof egress !== 'boolean') throw badOption('egress', 'true or false', egress, 'Write egress: true.')
  if (!egress) return undefined
  if (subnet.prefix > LONGEST_PREFIX) {
    const hint = "Write subnet: '192.168.100.0/24'."
    throw badOption('subnet', `one of at least 128 addresses (/${LONGEST_PREFIX}) with egress: true`, subnet.cidr, hint)
  }
  const [router, nameServer] = [nthAddress(subnet, 2), nthAddress(subnet, 3)]
  if (gateway === router || gateway === nameServer) {
    const expected = `another address than ${router} and ${nameServer}, where the way out is`
    throw badOption('gateway', expected, gateway, 'Take another address, or leave out egress: true.')
  }
  return { router, nameServer }
}
