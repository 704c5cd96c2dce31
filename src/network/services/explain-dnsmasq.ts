import type { DhcpRange } from '../../options/network/dhcp.ts'

/** What dnsmasq wrote, as a cause and what to do about it. */
export function explainDnsmasq(said: string, { first, last }: DhcpRange): { message: string; hint: string } {
  if (said.includes('no address available')) {
    return {
      message: `The DHCP range from ${first} to ${last} is exhausted`,
      hint: "Give the network a longer range: dhcpRange: ['192.168.100.100', '192.168.100.199'].",
    }
  }
  if (/Address already in use/i.test(said)) {
    return {
      message: 'dnsmasq cannot listen on the bridge: its port is in use',
      hint: 'Another DHCP or name server runs where the bridge is; stop it (ss -lunp shows it), or use a private network.',
    }
  }
  const reason = (said.trim().split('\n').at(-1) ?? '').replace(/^dnsmasq(-dhcp)?: /, '')
  return {
    message: `dnsmasq exited${reason && `: ${reason}`}`,
    hint: "It assigns this network's guests their addresses; to do without it, use addressing: 'static'.",
  }
}
