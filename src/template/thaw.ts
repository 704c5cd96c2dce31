import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { BootError } from '../errors.ts'
import { STATE_FD, type MachineConfig } from '../machine/command-line.ts'
import { startMachine, type Machine, type StartOptions } from '../machine/start-machine.ts'
import { CAPABILITIES, completed } from './freeze.ts'
import { FILES, type Template } from './store.ts'

/** A machine as far as the template does not say: what it is called, and its network cards. */
export type CloneConfig = Pick<MachineConfig, 'name' | 'accel' | 'memoryMib' | 'cpus' | 'direct' | 'nics'> & {
  /** For its next boot. @default the template's */
  readonly seed?: string | undefined
}

/**
 * Starts a machine where the template's was stopped. It reads the template's RAM and disk and keeps what it changes to
 * itself; clones share the rest, also in memory.
 * @throws BootError when QEMU cannot take up the template.
 */
export async function thaw(
  template: Template,
  config: CloneConfig,
  { inside, signal }: Pick<StartOptions, 'inside' | 'signal'>,
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
        disk: { path: join(folder, FILES.disk), format: 'qcow2' },
        seed: config.seed ?? join(folder, FILES.seed),
        memoryFile: { path: join(folder, FILES.memory), shared: false },
        incoming: true,
      },
      { inside, signal, state: state.fd },
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
    await machine[Symbol.asyncDispose]()
    signal?.throwIfAborted()
    const { stderr, exitCode } = machine.exit ?? {}
    throw new BootError('The template could not be restored', { cause, stderr, exitCode })
  }
}
