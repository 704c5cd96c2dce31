import { badOption } from '../../errors/bad-option.ts'
import { isPlainObject, refuseUnknown } from '../check.ts'
import { nthAddress, type Subnet } from '../../address/ipv4.ts'

/** What the way out of a network leads to. */
export interface EgressOptions {
  /**
   * Beside the public addresses also the others: the networks that this host is on, and its own addresses. Link-local ones and
   * those where a cloud gives its machines their credentials stay out of reach.
   * @default false
   */
  lan?: boolean
}

/** Where the way out is, on a network that has one: two addresses that no guest can have. */
export interface Egress {
  readonly router: string
  /** Knows what the host's name server knows. */
  readonly nameServer: string
  /** Whether it leads to more than public addresses. */
  readonly lan: boolean
}

const HINT = 'Write egress: true for public addresses, or egress: { lan: true } for those of the local network too.'

/** slirp4netns puts itself at the second and the third address of a subnet, which must be this long at least. */
const LONGEST_PREFIX = 25

/** @throws GuestError when there is no room for it */
export function egressOf(egress: unknown, subnet: Subnet, gateway: string): Egress | undefined {
  const lan = reachesLan(egress)
  if (egress === false) return undefined
  if (subnet.prefix > LONGEST_PREFIX) {
    const hint = "Write subnet: '192.168.100.0/24'."
    throw badOption('subnet', `one of at least 128 addresses (/${LONGEST_PREFIX}) with egress`, subnet.cidr, hint)
  }
  const [router, nameServer] = [nthAddress(subnet, 2), nthAddress(subnet, 3)]
  if (gateway === router || gateway === nameServer) {
    const expected = `another address than ${router} and ${nameServer}, where the way out is`
    throw badOption('gateway', expected, gateway, 'Take another address, or leave out egress.')
  }
  return { router, nameServer, lan }
}

function reachesLan(egress: unknown): boolean {
  if (typeof egress === 'boolean') return false
  if (!isPlainObject(egress)) throw badOption('egress', 'true, false, or an object', egress, HINT)
  const { lan = false } = refuseUnknown(egress, ['lan'], 'egress.')
  if (typeof lan !== 'boolean') throw badOption('egress.lan', 'true or false', lan, HINT)
  return lan
}
