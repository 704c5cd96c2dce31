import { messageOf } from '../../host/message-of.ts'
import { runningNetworks, type RunningNetwork } from '../../guest/registry/running-guests.ts'
import { firewallBetween } from '../../network/diagnosis/firewall.ts'
import { lookInside } from '../../network/inside/enter.ts'
import { drawTopology, readInterfaces } from '../../network/diagnosis/topology.ts'

/** The networks that this user's processes have open, as text. */
export async function drawNetworks(): Promise<string> {
  const networks = await runningNetworks()
  if (networks.length === 0) return 'No networks are open.\n'
  return (await Promise.all(networks.map(draw))).join('\n')
}

async function draw({ kind, bridge, gateway, keeper, pid, guests }: RunningNetwork): Promise<string> {
  const title = `A ${kind} network of process ${pid}\n`
  try {
    const inside = lookInside({ kind, keeper })
    const interfaces = bridge === undefined ? [] : await readInterfaces({ inside })
    const tenants = guests.map(({ tap, hostname, address, id }) => ({ tap, hostname, address, id }))
    const firewall = await firewallBetween({ inside, bridge, gateway })
    return title + drawTopology({ kind, bridge, gateway, interfaces, tenants, firewall })
  } catch (error) {
    return `${title}cannot be inspected: ${messageOf(error)}\n`
  }
}
