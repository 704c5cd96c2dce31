import type { SeedNic } from './input.ts'

/** For guests without systemd-resolved, which would be told by networkd. */
export function resolvConf(nics: readonly SeedNic[]): { path: string; content: string }[] {
  const lines = nics.flatMap(({ nameServer }) => (nameServer === undefined ? [] : [`nameserver ${nameServer}\n`]))
  return lines.length > 0 ? [{ path: '/etc/resolv.conf', content: lines.join('') }] : []
}
