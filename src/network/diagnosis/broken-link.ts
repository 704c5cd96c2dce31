import { NetworkError } from '../../errors.ts'
import type { Network } from '../network.ts'
import { readInterfaces } from './topology.ts'

/** What is wrong on the host's side of a guest's TAP: something gone, down or disconnected. Undefined when nothing is. */
export async function brokenLink(
  network: Network,
  hostname: string,
  signal?: AbortSignal,
): Promise<NetworkError | undefined> {
  const { bridge, gateway, attachments } = network
  const tap = attachments.find(({ member }) => member.hostname === hostname)?.tap
  if (bridge === undefined || tap === undefined) return undefined
  const broken = (what: string, hint: string) =>
    new NetworkError(`${what}, so guest ${hostname} cannot be reached`, { hint })
  let interfaces
  try {
    interfaces = await readInterfaces(network, signal)
  } catch (cause) {
    signal?.throwIfAborted()
    return new NetworkError(`The network that guest ${hostname} is on is gone`, {
      cause,
      hint: 'Its keeper has ended. Was it killed, or was the network disposed of while the guest was in use?',
    })
  }
  const port = interfaces.find(({ ifname }) => ifname === tap)
  // The network's bridge, or that of its part of a partition.
  const master = interfaces.find(({ ifname }) => ifname === (port?.master ?? bridge))
  const fix = (words: string) =>
    `Something changed it after it was set up; npx vitest-guest doctor --network shows the network. Fix: ip ${words}`
  if (!master)
    return broken(`Bridge ${bridge} is gone`, 'Something deleted it after it was set up. Open another network.')
  if (!port) return broken(`TAP ${tap} is gone`, 'Something deleted it after it was set up. Start another guest.')
  if (!master.flags.includes('UP'))
    return broken(`Bridge ${master.ifname} is down`, fix(`link set dev ${master.ifname} up`))
  if (!port.flags.includes('UP')) return broken(`TAP ${tap} is down`, fix(`link set dev ${tap} up`))
  if (port.master === undefined)
    return broken(`TAP ${tap} is on no bridge`, fix(`link set dev ${tap} master ${bridge}`))
  const has = master.addr_info?.some(({ local }) => local === gateway)
  if (!has)
    return broken(
      `Bridge ${master.ifname} has lost its address ${gateway}`,
      fix(`address add ${gateway}/${network.subnet.prefix} dev ${master.ifname}`),
    )
  return undefined
}
