import { badOption } from '../errors/bad-option.ts'
import { isPlainObject, refuseUnknown } from './check.ts'

/** Time limits in milliseconds with KVM. Under emulation (TCG) they are ten times as long. */
export interface Timeouts {
  /** From starting QEMU until the guest is ready. @default 60_000 */
  boot?: number
  /** For each command in the guest, unless the call sets its own. @default 60_000 */
  command?: number
}

const DEFAULT_TIMEOUTS: Required<Timeouts> = { boot: 60_000, command: 60_000 }

export function resolveTimeouts(timeouts: unknown): Required<Timeouts> {
  if (!isPlainObject(timeouts)) throw badOption('timeouts', 'an object', timeouts, 'Write timeouts: { boot: 120_000 }.')
  const given = refuseUnknown(timeouts, Object.keys(DEFAULT_TIMEOUTS), 'timeouts.')
  for (const [name, value] of Object.entries(given)) {
    if (typeof value === 'number' && value > 0) continue
    const hint = `Write timeouts: { ${name}: 120_000 }.`
    throw badOption(`timeouts.${name}`, 'a positive number of milliseconds', value, hint)
  }
  return { ...DEFAULT_TIMEOUTS, ...given }
}
