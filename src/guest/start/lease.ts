import type { Client } from 'ssh2'
import { NetworkError } from '../../errors.ts'
import type { Lease } from '../../network/services/leases.ts'
import type { Network } from '../../network/network.ts'
import type { GuestSpec } from '../../options/guest-options.ts'
import { interfaceName } from '../../seed/network-config.ts'
import { exec } from '../../ssh/command/exec.ts'

/** What a guest's first card is to be given. */
export function leaseOf({ hostname, address }: Pick<GuestSpec, 'hostname' | 'address'>, macAddress: string): Lease {
  return { hostname, address, macAddress }
}

/** Has the network keep an address for the card that will ask for it. */
export async function reserveLease({ dhcp }: Network, lease: Lease): Promise<AsyncDisposable> {
  if (!dhcp) throw new NetworkError('The network has no DHCP', { hint: "Open it with addressing: 'dhcp'." })
  const { macAddress, address, hostname } = lease
  return dhcp.reserve({ macAddress, address, hostname })
}

/**
 * A clone has the lease of its template, which the dnsmasq of another network gave: it asks this one, which keeps the same address
 * for it. A guest without systemd-networkd asks when half of its lease is over.
 */
export async function renewLease(
  { dhcp }: Network,
  macAddress: string,
  client: Client,
  signal: AbortSignal,
): Promise<void> {
  const { exitCode } = await exec(client, `networkctl renew ${interfaceName(0)}`, {
    reject: false,
    cancelSignal: signal,
  })
  if (exitCode === 0) await dhcp?.lease(macAddress, signal)
}
