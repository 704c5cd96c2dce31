import { badOption } from '../errors/bad-option.ts'
import { isPlainObject, refuseUnknown } from './check.ts'

/** Budgets, in milliseconds, with KVM. Under emulation (TCG) each is ten times as long. */
export interface Timeouts {
  /** From starting QEMU to a guest that is ready. @default 60_000 */
  boot?: number
  /** For one command in the guest, unless the call sets its own. @default 60_000 */
  command?: number
}

const DEFAULT_TIMEOUTS: Required<Timeouts> = { boot: 60_000, command: 60_000 }

/** @throws GuestError */
export function resolveTimeouts(timeouts: unknown): Required<Timeouts> {
  if (!isPlainObject(timeouts)) throw badOption('timeouts', 'an object', timeouts, 'Write timeouts: { boot: 120_000 }.')
  const given = refuseUnknown(timeouts, Object.keys(DEFAULT_TIMEOUTS), 'timeouts.')
  for (const [name, value] of Object.entries(given)) {
    if (typeof value !== 'number' || !(value > 0)) {
      throw badOption(
        `timeouts.${name}`,
        'a number of milliseconds above 0',
        value,
        `Write timeouts: { ${name}: 120_000 }.`,
      )
    }
  }
  return { ...DEFAULT_TIMEOUTS, ...given }
}
