import type { SeedInput, SeedNic } from './input.ts'
import { toYaml } from './yaml.ts'

/**
 * NICs are identified by their MAC addresses, whatever the guest calls them: cloud-init (since 22.2) looks up the name. With `set-name` 26.1
 * fails to rename a NIC that is up, and NetworkManager and Alpine's ifupdown have nothing like it. Older versions take the key for the name,
 * which is right where NICs have the kernel's names.
 *
 * No default route and no name server by default: the network is host-only, and "Network is unreachable" at once is better than
 * a time-out. No IPv6 but a static address: nobody answers router solicitations, and systemd-networkd keeps the link in "configuring" until
 * it has given up on them, which holds up everything after network-online.target (seen: 20 s). cloud-init renders
 * `link-local` for netplan only; for networkd there are drop-ins, see `writeNetworkdDropIns`.
 */
export function networkConfig({ nics }: SeedInput): string {
  return `${toYaml({
    version: 2,
    ethernets: Object.fromEntries(
      nics.map(({ macAddress, addresses, dhcp = false, router, nameServer, mtu }, index) => [
        `eth${index}`,
        {
          match: { macaddress: macAddress.toLowerCase() },
          addresses,
          // Nobody waits at boot for an address on a card that gets none. Others are not optional: networkd would not wait for them.
          ...(addresses.length === 0 && !dhcp && { optional: true }),
          ...(mtu !== undefined && { mtu }),
          ...(router !== undefined && { routes: [{ to: '0.0.0.0/0', via: router }] }),
          ...(nameServer !== undefined && { nameservers: { addresses: [nameServer] } }),
          dhcp4: dhcp,
          dhcp6: false,
          'accept-ra': false,
          'link-local': [],
        },
      ]),
    ),
  })}\n`
}

/**
 * A shell script for images without netplan, to be run before networkd reads its files: it puts drop-ins beside those that cloud-init's networkd
 * renderer has written (cloudinit/net/networkd.py), which are named after the cards. A static IPv6 address is nobody else's here: a card
 * that first asked around for it would not have it for a second.
 */
export const writeNetworkdDropIns = `for file in /etc/systemd/network/10-cloud-init-*.network; do
  [ -e "$file" ] || continue
  mkdir -p "$file.d"
  {
    # 22.4 does not render "optional".
    grep -qE '^(Address=|DHCP=(yes|ipv4))' "$file" || printf '[Link]\\nRequiredForOnline=no\\n'
    printf '[Network]\\nLinkLocalAddressing=no\\nIPv6AcceptRA=no\\nIPv6DuplicateAddressDetection=0\\n'
  } >"$file.d/50-vitest-guest.conf"
done
`

/** For guests without systemd-resolved, which would be told by networkd. */
export function resolvConf(nics: readonly SeedNic[]): { path: string; content: string }[] {
  const lines = nics.flatMap(({ nameServer }) => (nameServer === undefined ? [] : [`nameserver ${nameServer}\n`]))
  return lines.length > 0 ? [{ path: '/etc/resolv.conf', content: lines.join('') }] : []
}
