import { requireTool } from '../host/program/tools.ts'
import { requireTun } from '../host/rights/tun.ts'
import { acquire } from '../lifetime/disposers.ts'
import { layoutOf, type NetworkSpec } from '../options/network/network-options.ts'
import { bridgedNetwork, type Bridged } from './bridged-network.ts'
import { ipInside } from './inside/run-inside.ts'
import { startDnsmasq } from './services/dnsmasq.ts'
import { BRIDGE, bridgeCommands, LOOPBACK_UP, tapCommands } from './ip-commands.ts'
import { startSlirp } from './services/slirp.ts'
import type { Network } from './network.ts'
import { startKeeper } from './keeper/start-keeper.ts'

const tapName = (index: number) => `tap${index}`

export async function privateNetwork(place: NetworkSpec, signal?: AbortSignal, reason?: string): Promise<Network> {
  requireTool('ip')
  requireTun()
  return acquire(async (disposers) => {
    const firstTap = tapName(0)
    const commands = LOOPBACK_UP + bridgeCommands(place) + tapCommands(firstTap, place.mtu)
    const purpose = `create bridge ${BRIDGE} with TAP ${firstTap}`
    const keeper = disposers.use(await startKeeper({ purpose, commands }, signal))
    const bridged: Bridged = {
      kind: 'private',
      reason,
      bridge: BRIDGE,
      ...layoutOf(place),
      keeper,
      ip: ipInside(keeper),
      tapName,
      firstTap,
    }
    const { dhcpRange: range, egress } = place
    if (egress) await startSlirp(egress, keeper, bridged, signal)
    const dhcp = range && (await startDnsmasq(keeper, { bridge: BRIDGE, range, ...egress }, signal))
    return bridgedNetwork({ ...bridged, dhcp }, disposers)
  })
}
