import { badOption } from '../../errors/bad-option.ts'
import { isPlainObject, refuseUnknown } from '../check.ts'
import { nthAddress, type Subnet } from '../../address/ipv4.ts'

/** What guests can reach outside of their network. */
export interface EgressOptions {
  /**
   * Besides public addresses, also allow the networks that this host is on, and its own addresses. Link-local addresses and
   * cloud metadata services stay blocked.
   * @default false
   */
  lan?: boolean
}

/** The two addresses that `egress` uses on a network, which no guest can have. */
export interface Egress {
  readonly router: string
  /** Resolves names as the host does. */
  readonly nameServer: string
  /** Whether it reaches more than public addresses. */
  readonly lan: boolean
}

const HINT = 'Write egress: true for public addresses, or egress: { lan: true } for those of the local network too.'

/** slirp4netns uses the second and the third address of a subnet, and requires at least this size. */
const LONGEST_PREFIX = 25

/** @throws GuestError when the subnet is too small */
export function egressOf(egress: unknown, subnet: Subnet, gateway: string): Egress | undefined {
  const lan = reachesLan(egress)
  if (egress === false) return undefined
  if (subnet.prefix > LONGEST_PREFIX) {
    const expected = `a subnet of at least 128 addresses (/${LONGEST_PREFIX} or larger) with egress`
    throw badOption('subnet', expected, subnet.cidr, "Write subnet: '192.168.100.0/24'.")
  }
  const [router, nameServer] = [nthAddress(subnet, 2), nthAddress(subnet, 3)]
  if (gateway === router || gateway === nameServer) {
    const expected = `an address other than ${router} and ${nameServer}, which egress uses`
    throw badOption('gateway', expected, gateway, 'Use another address, or omit egress.')
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
