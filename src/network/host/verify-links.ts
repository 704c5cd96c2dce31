import { NetworkError } from '../../errors.ts'
import { userName } from '../../host/rights/user-name.ts'
import type { HostLink } from '../diagnosis/topology.ts'
import type { HostAddress } from './host-record.ts'

const HINT = 'Does something else on this host, such as NetworkManager or systemd-networkd, manage new interfaces?'

/** @throws NetworkError when the bridge is not up, or has other addresses than the network's */
export function verifyBridge(link: HostLink, addresses: readonly HostAddress[], gateway: string): void {
  if (!link.flags.includes('UP')) throw notSo(`The bridge ${link.ifname} was created, but it is not up`)
  const others = addresses
    .filter(({ local }) => local !== gateway)
    .map(({ local, prefixlen }) => `${local}/${prefixlen}`)
  if (others.length > 0)
    throw notSo(`The bridge ${link.ifname} has an address that is not the network's: ${others.join(', ')}`)
  if (addresses.length === 0) throw notSo(`The bridge ${link.ifname} has lost its address ${gateway}`)
}

/** @throws NetworkError when the TAP is not up, not on its bridge, or not owned by QEMU's user */
export function verifyTap(link: HostLink, bridge: string, uid: number): void {
  const { ifname, flags, master, linkinfo } = link
  if (!flags.includes('UP')) throw notSo(`The TAP ${ifname} was created, but it is not up`)
  if (master !== bridge) {
    throw notSo(`The TAP ${ifname} was created, but it is on ${master ?? 'no bridge'} instead of ${bridge}`)
  }
  const owner = linkinfo?.info_data?.user
  if (owner !== uid && (uid !== process.getuid?.() || owner !== userName())) {
    throw notSo(`The TAP ${ifname} was created, but it belongs to ${owner ?? 'nobody'} instead of user ${uid}`)
  }
}

function notSo(what: string): NetworkError {
  return new NetworkError(what, { hint: HINT })
}
