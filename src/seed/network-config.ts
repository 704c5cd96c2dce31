import type { SeedInput, SeedNic } from './input.ts'
import { toYaml } from './yaml.ts'

/**
 * What a guest's network card is called, whatever its model and slot. The name must be set, not left to udev, because our
 * networkd drop-in goes by the name of the file that cloud-init writes for this interface.
 */
export function interfaceName(index: number): string {
  return `eth${index}`
}

/**
 * No default route and no name server by default: the network is host-only, and "Network is unreachable" at once is better than
 * a time-out. No IPv6 but a static address: nobody answers router solicitations, and systemd-networkd keeps the link in "configuring" until
 * it has given up on them, which holds up everything after network-online.target (seen: 20 s). cloud-init renders
 * `accept-ra` and `link-local` for netplan only; for networkd there is a drop-in, see `networkdDropIn`.
 */
export function networkConfig({ nics }: SeedInput): string {
  return `${toYaml({
    version: 2,
    ethernets: Object.fromEntries(
      nics.map(({ macAddress, addresses, dhcp = false, router, nameServer, mtu }, index) => [
        interfaceName(index),
        {
          match: { macaddress: macAddress.toLowerCase() },
          'set-name': interfaceName(index),
          addresses,
          // Nobody waits at boot for an address on a card that gets none.
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
 * For images without netplan: beside the file that cloud-init's networkd renderer writes (cloudinit/net/networkd.py). A static IPv6
 * address is nobody else's here: a card that first asked around for it would not have it for a second.
 */
export function networkdDropIn({ addresses, dhcp = false }: SeedNic, index: number): { path: string; content: string } {
  const path = `/etc/systemd/network/10-cloud-init-${interfaceName(index)}.network.d/50-vitest-guest.conf`
  const lines = [
    ...(addresses.length === 0 && !dhcp ? ['[Link]', 'RequiredForOnline=no'] : []),
    '[Network]',
    'LinkLocalAddressing=no',
    'IPv6AcceptRA=no',
    ...(addresses.some((address) => address.includes(':')) ? ['IPv6DuplicateAddressDetection=0'] : []),
  ]
  return { path, content: `${lines.join('\n')}\n` }
}

/** For guests without systemd-resolved, which would be told by networkd. */
export function resolvConf(nics: readonly SeedNic[]): { path: string; content: string }[] {
  const lines = nics.flatMap(({ nameServer }) => (nameServer === undefined ? [] : [`nameserver ${nameServer}\n`]))
  return lines.length > 0 ? [{ path: '/etc/resolv.conf', content: lines.join('') }] : []
}
