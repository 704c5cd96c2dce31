import { NetworkError } from '../../errors.ts'
import type { BridgeOptions } from '../../options/network/bridge-options.ts'
import { hostLinks } from './host-facts.ts'
import type { Adopted, HostAddress, HostRecord } from './host-record.ts'

/**
 * How a bridge is that is there and shall be adopted; undefined when there is none of that name.
 * @throws NetworkError when what is there must not be touched
 */
export async function adoptable(
  { name, adopt }: BridgeOptions,
  addresses: readonly HostAddress[],
  others: readonly HostRecord[],
): Promise<Adopted | undefined> {
  const other = others.find(({ bridge }) => bridge === name)
  if (other) {
    throw new NetworkError(`The bridge ${name} is that of another network, which process ${other.owner} has opened`, {
      hint: 'Give each network a bridge of its own, or leave the name out.',
    })
  }
  const link = (await hostLinks()).find(({ ifname }) => ifname === name)
  if (!link) return undefined
  if (link.linkinfo?.info_kind !== 'bridge') {
    throw new NetworkError(`There is an interface ${name} already, and it is no bridge`, {
      hint: 'Take another name, or leave it out.',
    })
  }
  if (adopt) return { isUp: link.flags.includes('UP'), mtu: link.mtu, addresses }
  const old = addresses.map(({ local, prefixlen }) => `${local}/${prefixlen}`).join(', ')
  throw old === ''
    ? new NetworkError(`There is a bridge ${name} already`, {
        hint: `Take it with bridge: { name: '${name}', adopt: true }, or remove it: sudo ip link delete dev ${name}`,
      })
    : new NetworkError(`There is a bridge ${name} already, with an old address: ${old}`, {
        hint: `bridge: { name: '${name}', adopt: true } takes the bridge, flushes that address, and puts it back at the end.`,
      })
}
