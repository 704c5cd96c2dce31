import type { Egress } from '../../options/network/egress.ts'
import type { Guest } from '../guest.ts'

const ASIDE = '/etc/resolv.conf.vitest-guest'
const MARK = '# vitest-guest: while a layer is prepared'

/** Tells a guest of the way out of its network. What is frozen must not know of it: it is told until `close` only. */
export async function openWay({ exec }: Pick<Guest, 'exec'>, { router, nameServer }: Egress) {
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
