import { isIP } from 'node:net'
import { isProcessName } from '../../host/program/process-name.ts'
import type { Adopted, HostAddress, HostRecord } from './host-record.ts'
import { isInterfaceName } from '../network-record.ts'

/** Whether this is a record as we write them: another user may have written it, and lines of ip(8) are made of one's own. */
export function isHostRecord(value: unknown): value is HostRecord {
  const { id, holder, owner, boot, namespaces, bridge, adopted, subnet, subnet6, own } = (value ??
    {}) as Partial<HostRecord>
  return (
    /^[0-9a-f]{6}$/.test(String(id)) &&
    isProcessName(holder) &&
    [owner, namespaces?.net, namespaces?.pid].every(Number.isSafeInteger) &&
    typeof boot === 'string' &&
    isInterfaceName(bridge) &&
    (adopted === undefined || isAdopted(adopted)) &&
    isCidr(subnet) &&
    (subnet6 === undefined || isCidr(subnet6)) &&
    Array.isArray(own) &&
    own.every(isCidr)
  )
}

function isAdopted({ mtu, addresses }: Partial<Adopted>): boolean {
  return Number.isSafeInteger(mtu) && Array.isArray(addresses) && addresses.every(isHostAddress)
}

function isHostAddress({ local, prefixlen, broadcast, scope }: Partial<HostAddress>): boolean {
  return (
    isCidr(`${local}/${prefixlen}`) &&
    (broadcast === undefined || isIP(String(broadcast)) !== 0) &&
    (scope === undefined || /^\w+$/.test(String(scope)))
  )
}

function isCidr(text: unknown): boolean {
  const [address = '', prefix = '', ...rest] = String(text).split('/')
  const longest = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1
  return rest.length === 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= longest
}
