import { NetworkError } from '../../errors.ts'
import type { BridgeOptions } from '../../options/network/bridge-options.ts'
import { hostLinks } from './host-facts.ts'
import type { Adopted, HostAddress, HostRecord } from './host-record.ts'

/**
 * The state of an existing bridge that is to be adopted; undefined when there is none of that name.
 * @throws NetworkError when the existing interface must not be touched
 */
export async function adoptable(
  { name, adopt }: BridgeOptions,
  addresses: readonly HostAddress[],
  others: readonly HostRecord[],
): Promise<Adopted | undefined> {
  const other = others.find(({ bridge }) => bridge === name)
  if (other) {
    throw new NetworkError(`The bridge ${name} belongs to another network, opened by process ${other.owner}`, {
      hint: 'Give each network its own bridge, or omit the name.',
    })
  }
  const link = (await hostLinks()).find(({ ifname }) => ifname === name)
  if (!link) return undefined
  if (link.linkinfo?.info_kind !== 'bridge') {
    throw new NetworkError(`An interface ${name} already exists and is not a bridge`, {
      hint: 'Use another name, or omit it.',
    })
  }
  if (adopt) return { isUp: link.flags.includes('UP'), mtu: link.mtu, addresses }
  const old = addresses.map(({ local, prefixlen }) => `${local}/${prefixlen}`).join(', ')
  throw old === ''
    ? new NetworkError(`A bridge ${name} already exists`, {
        hint: `Adopt it with bridge: { name: '${name}', adopt: true }, or remove it: sudo ip link delete dev ${name}`,
      })
    : new NetworkError(`A bridge ${name} already exists, with an old address: ${old}`, {
        hint: `bridge: { name: '${name}', adopt: true } adopts the bridge, flushes that address, and restores it at the end.`,
      })
}
