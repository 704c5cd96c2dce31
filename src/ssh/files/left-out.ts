import { inspect } from 'node:util'
import type { LeftOut, Names } from '../../host/files/tar-listing.ts'
import { warnOnce } from '../../host/warn-once.ts'

/** Says what a guest's archive held and this host does not take. */
export function warnLeftOut(what: string, { devices, specialBits }: LeftOut): void {
  if (devices.count > 0) warnOnce(`${what}: skipped devices: ${some(devices)}`)
  if (specialBits.count > 0) warnOnce(`${what}: cleared setuid, setgid and sticky bits: ${some(specialBits)}`)
}

function some({ count, first = '' }: Names): string {
  return count === 1 ? inspect(first) : `${inspect(first)} and ${count - 1} more`
}
