import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { BootError } from '../errors.ts'
import { STATE_FD, type DiskFile, type MachineConfig } from '../machine/command-line.ts'
import { startMachine, type Machine, type StartOptions } from '../machine/start-machine.ts'
import { CAPABILITIES, completed } from './freeze.ts'
import { restoreFailure } from './restore-failure.ts'
import { FILES, type Template } from './store.ts'

/** How long QEMU may take to exit after its last answer, in milliseconds. */
const LAST_WORDS = 1000

/** A machine as far as the template does not say: what it is called, and its network cards. */
export type CloneConfig = Pick<MachineConfig, 'name' | 'accel' | 'memoryMib' | 'cpus' | 'direct' | 'nics'> & {
  /** What the template's disk is an overlay of. */
  readonly image: DiskFile
  /** For its next boot. @default the template's */
  readonly seed?: string | undefined
}

/**
 * Starts a machine where the template's was stopped. It reads the template's RAM and disk and keeps what it changes to
 * itself; clones share the rest, also in memory.
 * @throws RefusedError when QEMU cannot take up the template; BootError when it ends for another reason.
 */
export async function thaw(
  template: Template,
  { image, ...config }: CloneConfig,
  { network, signal }: Pick<StartOptions, 'network' | 'signal'>,
): Promise<Machine> {
  const { folder } = template
  const state = await open(join(folder, FILES.state)).catch((cause: unknown) => {
    throw new BootError('The template is gone', { cause })
  })
  let machine: Machine
  try {
    machine = await startMachine(
      {
        ...config,
        disk: { path: join(folder, FILES.disk), format: 'qcow2', backing: image },
        seed: config.seed ?? join(folder, FILES.seed),
        memoryFile: { path: join(folder, FILES.memory), shared: false },
        incoming: true,
      },
      { network, signal, state: state.fd },
    )
  } finally {
    await state.close()
  }
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
