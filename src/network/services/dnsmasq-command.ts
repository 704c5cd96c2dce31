import type { DhcpRange } from '../../options/network/dhcp.ts'

export interface DnsmasqConfig {
  readonly bridge: string
  readonly range: DhcpRange
  /** Files in which it keeps, or finds, what it knows. */
  readonly leases: string
  readonly hosts: string
  /** Who knows more names. */
  readonly nameServer?: string | undefined
  /** The default gateway to announce. */
  readonly router?: string | undefined
}

/**
 * dnsmasq's arguments. `--no-daemon` also keeps it who it is: in a user namespace there is nobody else to become. It answers for
 * leases that it never gave (`--dhcp-authoritative`): a clone has that of its template, from another dnsmasq. No `--no-ping`, and
 * each lease would take three seconds of asking around.
 */
export function dnsmasqArguments({ bridge, range, leases, hosts, nameServer, router }: DnsmasqConfig): string[] {
  return [
    '--no-daemon',
    '--conf-file=/dev/null',
    `--interface=${bridge}`,
    '--except-interface=lo',
    '--bind-interfaces',
    '--no-resolv',
    '--no-hosts',
    // A name without a dot is a guest's, or does not exist.
    '--domain-needed',
    '--no-ping',
    ...(nameServer === undefined ? [] : [`--server=${nameServer}`]),
    '--dhcp-authoritative',
    `--dhcp-range=${range.first},${range.last},12h`,
    `--dhcp-leasefile=${leases}`,
    `--dhcp-hostsdir=${hosts}`,
    // Without a value, there is no default gateway. By default dnsmasq would announce itself.
    `--dhcp-option=option:router${router === undefined ? '' : `,${router}`}`,
  ]
}
