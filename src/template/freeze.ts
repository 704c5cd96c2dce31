import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { chmod } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { BootError } from '../errors.ts'
import { messageOf } from '../host/message-of.ts'
import type { Qmp } from '../qmp/qmp.ts'
import { qemuFolder } from '../host/files/state-folder.ts'
import { until } from '../lifetime/until.ts'
import type { Machine } from '../machine/start-machine.ts'

/** RAM has a separate file; only the state of the devices goes through the stream. */
export const CAPABILITIES = { capabilities: [{ capability: 'x-ignore-shared', state: true }] }
const BETWEEN_LOOKS = 2
const SOCKET = 'out'
/** Bytes. A state has one or two million; an endless one is invalid. */
const LARGEST = 256 * 1024 * 1024

interface Target {
  /** The file to write. */
  readonly state: string
  /** Of the machine's network. */
  readonly stateFolder: string
}

interface MigrationState {
  status?: string
  'error-desc'?: string
}

/** Stops a machine for good and writes the state of its devices to a file. @throws FreezeError when a device cannot be frozen */
export async function freeze(machine: Machine, { state, stateFolder }: Target, signal: AbortSignal): Promise<void> {
  const { qmp } = machine
  const execute = (command: string, args?: Record<string, unknown>) => until(signal, qmp.execute(command, args))
  await execute('stop')
  await execute('migrate-set-capabilities', CAPABILITIES)
  try {
    await using receiver = await receive(join(qemuFolder(stateFolder), SOCKET), state)
    // By its name in QEMU's own folder: QEMU may not run programs, such as `cat` to write the file.
    await execute('migrate', { uri: `unix:${SOCKET}` })
    await completed(qmp, signal)
    await until(signal, receiver.received)
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

async function receive(socketPath: string, file: string): Promise<AsyncDisposable & { received: Promise<void> }> {
  const server = createServer()
  server.listen(socketPath)
  await once(server, 'listening')
  // QEMU may run as another user; nobody else can reach the folder.
  await chmod(socketPath, 0o666)
  const received = once(server, 'connection').then(([socket]) =>
    pipeline(socket as Socket, bounded, createWriteStream(file, { mode: 0o600 })),
  )
  received.catch(() => {})
  return { received, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() }
}

async function* bounded(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let size = 0
  for await (const chunk of stream) {
    size += chunk.length
    if (size > LARGEST) throw new BootError(`QEMU's state is larger than ${LARGEST} bytes`)
    yield chunk
  }
}

/** The guest boots, but cannot be cloned, so it has to be booted each time. */
export class FreezeError extends BootError {}
