import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { BootError } from '../errors.ts'
import { STATE_FD, type DiskFile, type MachineConfig } from '../machine/command-line.ts'
import { startMachine, type Machine, type StartOptions, type MachineExit } from '../machine/start-machine.ts'
import { CAPABILITIES, completed } from './freeze.ts'
import { FILES, type Template, openTemplate } from './store.ts'
import { messageOf } from '../host/message-of.ts'

/** How long QEMU may take to exit after its last answer, in milliseconds. */
const LAST_WORDS = 1000

/** What the template does not determine: the machine's name, and its network cards. */
export type CloneConfig = Pick<MachineConfig, 'name' | 'accel' | 'memoryMib' | 'cpus' | 'direct' | 'nics'> & {
  /** The backing file of the template's disk. */
  readonly backing: DiskFile
  /** Files of its own to write its RAM and its disk to: a copy of the template's RAM, and an overlay on its disk. @default none */
  readonly into?: { readonly memory: string; readonly disk: string } | undefined
  /** For its next boot. @default the template's */
  readonly seed?: string | undefined
}

/** Starts a machine where the template's was stopped, sharing RAM and disk until it writes. @throws RefusedError; BootError */
export async function thaw(
  template: Template,
  { backing, into, ...config }: CloneConfig,
  { network, signal }: Pick<StartOptions, 'network' | 'signal'>,
): Promise<Machine> {
  const { folder } = template
  await using state = await open(join(folder, FILES.state)).catch((cause: unknown) => {
    throw new BootError('The template is gone', { cause })
  })
  const disk: DiskFile = { path: join(folder, FILES.disk), format: 'qcow2', backing }
  const machine = await startMachine(
    {
      ...config,
      disk: into ? { path: into.disk, format: 'qcow2', backing: disk, writable: true } : disk,
      seed: config.seed ?? join(folder, FILES.seed),
      memoryFile: { path: into?.memory ?? join(folder, FILES.memory), shared: into !== undefined },
      incoming: true,
    },
    { network, signal, state: state.fd },
  )
  const { qmp } = machine
  try {
    await qmp.execute('migrate-set-capabilities', CAPABILITIES)
    await qmp.execute('migrate-incoming', { uri: `fd:${STATE_FD}` })
    await completed(qmp, signal)
    await qmp.execute('cont')
    return machine
  } catch (cause) {
    if (!signal?.aborted) await Promise.race([machine.exited, sleep(LAST_WORDS)])
    const { exit } = machine
    await machine[Symbol.asyncDispose]()
    signal?.throwIfAborted()
    throw restoreFailure(cause, exit)
  }
}

/** QEMU cannot load the state of a template, and would fail again. */
class RefusedError extends BootError {}

/** QEMU's last words when it cannot load a state (migration/migration.c, 7.2 to 10). */
const REFUSAL = /load of migration failed: (?!Cannot allocate memory).*/

/** The error of a restore, from the last QMP command's error and QEMU's end, if it has ended. */
function restoreFailure(cause: unknown, exit: MachineExit | undefined): BootError {
  const { exitCode, signal, stderr = '' } = exit ?? {}
  const facts = { cause, exitCode, signal, stderr }
  if (signal !== undefined) return new BootError(`QEMU was killed by ${signal} while it restored the guest`, facts)
  const said = REFUSAL.exec(stderr)?.[0]
  // A BootError means that QEMU reported a failed migration.
  if (said !== undefined || cause instanceof BootError) {
    return new RefusedError(`QEMU cannot restore the template: ${said ?? messageOf(cause)}`, facts)
  }
  return new BootError('The template could not be restored', facts)
}

/** What is wrong with a template whose clone did not start; undefined when QEMU, the guest or the host may be the cause. */
export async function templateFault({ folder, key }: Template, error: unknown): Promise<string | undefined> {
  if (error instanceof RefusedError) return messageOf(error)
  const again = await openTemplate(folder, key, { isSuspect: true })
  return 'fault' in again ? again.fault : undefined
}
