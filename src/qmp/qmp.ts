import { connect } from 'node:net'
import { createInterface } from 'node:readline'
import type { Duplex } from 'node:stream'
import { HostError } from '../errors.ts'
import { hold } from '../lifetime/hold.ts'

/** A QMP event, such as `SHUTDOWN` (https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html). */
export interface QmpEvent {
  readonly event: string
  readonly data?: Readonly<Record<string, unknown>>
}

interface Reply extends Partial<QmpEvent> {
  return?: unknown
  error?: { class: string; desc: string }
  id?: number
}

/** QEMU's control channel. Commands may overlap; answers are matched by id. */
export class Qmp {
  readonly #socket: Duplex
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown> & { command: string }>()
  readonly #listeners = new Set<(event: QmpEvent) => void>()
  #nextId = 1

  constructor(socket: Duplex) {
    this.#socket = socket
    socket.on('error', () => {})
    socket.once('close', () => this.#close())
    createInterface(socket)
      .on('line', (line) => this.#receive(JSON.parse(line) as Reply))
      // readline passes on the stream's errors; 'close' is enough.
      .on('error', () => {})
  }

  /** @throws HostError with QEMU's description when it refuses, or when it exits before it answers. */
  async execute(command: string, args?: Readonly<Record<string, unknown>>): Promise<unknown> {
    using _ = hold()
    if (this.#socket.destroyed) throw ended(command)
    const id = this.#nextId++
    const answer = Promise.withResolvers<unknown>()
    this.#waiting.set(id, { ...answer, command })
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`)
    return await answer.promise
  }

  /** Returns the function that stops listening. */
  onEvent(listener: (event: QmpEvent) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #receive(reply: Reply): void {
    if (reply.event !== undefined) {
      for (const listener of this.#listeners) listener({ event: reply.event, ...(reply.data && { data: reply.data }) })
      return
    }
    const { id = 0, error } = reply
    const waiting = this.#waiting.get(id)
    this.#waiting.delete(id)
    if (!error) return waiting?.resolve(reply.return)
    const command = waiting?.command
    waiting?.reject(new HostError(`QEMU refused ${command}: ${error.desc}`, { command }))
  }

  #close(): void {
    for (const { reject, command } of this.#waiting.values()) reject(ended(command))
    this.#waiting.clear()
  }
}

function ended(command: string): HostError {
  return new HostError(`QEMU exited before it answered ${command}`, { command })
}

/** QEMU's human monitor, which has commands that QMP lacks. */
export interface HumanMonitor {
  /** Returns the answer as text, empty for most commands. @throws HostError when QEMU refuses or is gone */
  say(command: string): Promise<string>
}

/** Connects to QEMU's QMP socket. `onClose` is called when QEMU is gone, or was never there. */
export async function humanMonitor(path: string, onClose: () => void): Promise<HumanMonitor> {
  const socket = connect(path).once('close', onClose)
  const qmp = new Qmp(socket)
  await qmp.execute('qmp_capabilities')
  return { say: async (command) => String(await qmp.execute('human-monitor-command', { 'command-line': command })) }
}
