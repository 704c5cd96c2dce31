import type { Egress } from '../../options/network/egress.ts'
import type { Guest } from '../guest.ts'

const ASIDE = '/etc/resolv.conf.vitest-guest'
const MARK = '# vitest-guest: while a layer is prepared'

/** Gives a guest the route and the name server of its network's egress, until `close`: what is frozen must have neither. */
export async function openEgress({ exec }: Pick<Guest, 'exec'>, { router, nameServer }: Egress) {
  await exec(`set -e
if [ -e /etc/resolv.conf ] || [ -L /etc/resolv.conf ]; then mv -f /etc/resolv.conf ${ASIDE}; fi
printf '%s\\n' '${MARK}' 'nameserver ${nameServer}' >/etc/resolv.conf
ip route add default via ${router}`)
  return {
    close: async () => {
      // What has been put in its place meanwhile stays.
      await exec(`ip route del default via ${router} 2>/dev/null
if grep -qxF '${MARK}' /etc/resolv.conf; then
  rm -f /etc/resolv.conf
  if [ -e ${ASIDE} ] || [ -L ${ASIDE} ]; then mv -f ${ASIDE} /etc/resolv.conf; fi
else rm -f ${ASIDE}; fi`)
    },
  }
}
