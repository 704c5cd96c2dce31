import { setTimeout as sleep } from 'node:timers/promises'
import { BootError } from '../errors.ts'
import { messageOf } from '../host/message-of.ts'
import type { Qmp } from '../host/qmp.ts'
import { until } from '../lifetime/until.ts'
import { FreezeError } from './freeze-error.ts'
import type { Machine } from '../machine/start-machine.ts'

/** RAM is in a file of its own; only the state of the devices goes through the stream. */
export const CAPABILITIES = { capabilities: [{ capability: 'x-ignore-shared', state: true }] }
const BETWEEN_LOOKS = 2

interface MigrationState {
  status?: string
  'error-desc'?: string
}

/**
 * Stops a machine for good and writes the state of its devices to the file `state` in its own folder. Its RAM and its
 * disk are complete once this returns, for QEMU has ended.
 * @throws FreezeError when a device of the machine cannot be frozen; the signal's reason.
 */
export async function freeze(machine: Machine, state: string, signal: AbortSignal): Promise<void> {
  const { qmp } = machine
  const execute = (command: string, args?: Record<string, unknown>) => until(signal, qmp.execute(command, args))
  await execute('stop')
  await execute('migrate-set-capabilities', CAPABILITIES)
  try {
    // QEMU has this run by a shell, in its own folder, so that no path needs quoting.
    await execute('migrate', { uri: `exec:cat > ${state}` })
    await completed(qmp, signal)
  } catch (cause) {
    signal.throwIfAborted()
    throw new FreezeError(`The guest cannot be frozen: ${messageOf(cause)}`, { cause })
  }
  await execute('quit')
  await until(signal, machine.exited)
}

/** Waits until QEMU has written or read a whole state. */
export async function completed(qmp: Qmp, signal?: AbortSignal): Promise<void> {
  for (;;) {
    signal?.throwIfAborted()
    const { status, 'error-desc': reason } = (await until(signal, qmp.execute('query-migrate'))) as MigrationState
    if (status === 'completed') return
    if (status === 'failed') throw new BootError(reason ?? 'QEMU gave no reason')
    await sleep(BETWEEN_LOOKS, undefined, signal && { signal })
  }
}
