import type { Member } from '../../network/network.ts'

const FIRST = '# vitest-guest: the other guests on this network'
const LAST = '# vitest-guest end'

/** The lines for /etc/hosts of the guest called `own`: who else is on its network. None when it is alone. */
export function hostsBlock(members: readonly Member[], own: string): string {
  const known = members.filter(({ hostname, address }) => hostname !== own && address !== undefined)
  // By the first of several cards on this network.
  const others = known.filter(({ hostname }, at) => known.findIndex((each) => each.hostname === hostname) === at)
  if (others.length === 0) return ''
  return [FIRST, ...others.map(({ hostname, address }) => `${address}\t${hostname}`), LAST, ''].join('\n')
}

/** The command that puts the lines on its standard input in place of those that are there. */
export const WRITE_HOSTS = [
  `rest=$(sed '/^# vitest-guest: /,/^${LAST}$/d' /etc/hosts)`,
  `{ printf '%s\\n' "$rest"; cat; } >/etc/hosts`,
].join(' && ')
