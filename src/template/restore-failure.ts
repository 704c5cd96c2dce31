import { BootError } from '../errors.ts'
import { messageOf } from '../host/message-of.ts'
import type { MachineExit } from '../machine/start-machine.ts'

/** QEMU has said that it cannot take up the state of a template, which it will say again. */
export class RefusedError extends BootError {}

/** QEMU's last words before it ends for a state that it cannot take up (migration/migration.c, 7.2 to 10). */
const REFUSAL = /load of migration failed: (?!Cannot allocate memory).*/

/**
 * The error of a restore.
 * @param cause what the last QMP command met
 * @param exit how QEMU has ended, if it has
 */
export function restoreFailure(cause: unknown, exit: MachineExit | undefined): BootError {
  const { exitCode, signal, stderr = '' } = exit ?? {}
  const facts = { cause, exitCode, signal, stderr }
  if (signal !== undefined) return new BootError(`QEMU was killed by ${signal} while it restored the guest`, facts)
  const said = REFUSAL.exec(stderr)?.[0]
  // A BootError is of a migration that has failed, as QEMU has it.
  if (said !== undefined || cause instanceof BootError) {
    return new RefusedError(`QEMU cannot restore the template: ${said ?? messageOf(cause)}`, facts)
  }
  return new BootError('The template could not be restored', facts)
}
