import { GuestError, NetworkError } from '../../errors.ts'
import { hostAddresses } from '../../address/ipv4.ts'
import { brokenLink } from '../../network/diagnosis/broken-link.ts'
import { firewallBefore } from '../../network/diagnosis/firewall.ts'
import type { Network } from '../../network/network.ts'

const MOST_ASKED = 256

export interface Neighbour {
  readonly hostname: string
  readonly address: string
  readonly macAddress: string
}

/** A network with its known guests; the network of a template has none. */
export type Neighbourhood = Network & { readonly guests?: readonly Neighbour[] }

/** @throws NetworkError when another machine on the bridge answers for a guest's address. */
export async function requireUnanswered(network: Neighbourhood, address: string, signal?: AbortSignal): Promise<void> {
  // Nobody else is on a private network.
  if (network.kind === 'private' && network.members.length === 1) return
  const mac = (await network.neighbours([address], signal)).get(address)
  if (mac !== undefined) throw duplicate(network, address, mac)
}

/** Why a running guest does not answer where it should: a broken link, another machine at its address, another address, or a firewall. */
export async function whyElsewhere(
  network: Neighbourhood,
  guest: Neighbour,
  signal?: AbortSignal,
): Promise<NetworkError | undefined> {
  const { hostname, address, macAddress } = guest
  const broken = await brokenLink(network, hostname, signal)
  if (broken) return broken
  const asked = [...hostAddresses(network.subnet, address)].slice(0, MOST_ASKED)
  const found = await network.neighbours(asked, signal)
  const mac = found.get(address)
  if (mac !== undefined && mac !== macAddress) return duplicate(network, address, mac)
  const elsewhere = [...found].filter(([at, who]) => at !== address && who === macAddress).map(([at]) => at)
  if (mac !== undefined || elsewhere.length === 0) return firewallBefore(network, guest, signal)
  return new NetworkError(`Guest ${hostname} is up, but at ${elsewhere.join(', ')} and not at ${address}`, {
    lastSeen: elsewhere.join(', '),
    hint: 'Something in the guest changed its address: a command in the test, cloudConfig, or the image itself.',
  })
}

/** The error of a start, or a better one when it was about SSH and the network shows the reason. */
export async function explainSilence(error: unknown, network: Neighbourhood, guest: Neighbour): Promise<unknown> {
  if (!(error instanceof GuestError) || !error.phase?.startsWith('ssh')) return error
  const why = await whyElsewhere(network, guest).catch(() => undefined)
  return why ? Object.assign(why, { cause: error, phase: error.phase, elapsedMs: error.elapsedMs }) : error
}

function duplicate(network: Neighbourhood, address: string, mac: string): NetworkError {
  const owner = network.guests?.find(({ macAddress }) => macAddress === mac)
  const who = owner ? `guest ${owner.hostname} (MAC address ${mac})` : `a machine with the MAC address ${mac}`
  return new NetworkError(`The address ${address} is taken on the bridge: ${who} answers for it`, {
    lastSeen: mac,
    hint: `Remove it from that machine (ip address delete ${address}/${network.subnet.prefix} dev …), or give the guest another address.`,
  })
}
