import type { Duplex } from 'node:stream'
import { createInterface } from 'node:readline'
import { HostError } from '../errors.ts'
import { hold } from '../lifetime/hold.ts'

/** A QMP event, such as `SHUTDOWN` (https://www.qemu.org/docs/master/interop/qemu-qmp-ref.html). */
export interface QmpEvent {
  readonly event: string
  readonly data?: Readonly<Record<string, unknown>>
}

interface Reply {
  return?: unknown
  error?: { class: string; desc: string }
  id?: number
  event?: string
  data?: Record<string, unknown>
  QMP?: unknown
}

/** QEMU's control channel. Commands may overlap; each answer finds its command by id. */
export class Qmp {
  readonly #socket: Duplex
  readonly #waiting = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: Error) => void; command: string }
  >()
  readonly #listeners = new Set<(event: QmpEvent) => void>()
  #nextId = 1

  constructor(socket: Duplex) {
    this.#socket = socket
    socket.on('error', () => {})
    socket.once('close', () => this.#close())
    createInterface(socket)
      .on('line', (line) => this.#receive(JSON.parse(line) as Reply))
      // readline passes the stream's errors on; 'close' tells us all we need.
      .on('error', () => {})
  }

  /** @throws HostError with QEMU's description when it refuses, or when it ends before it answers. */
  async execute(command: string, args?: Readonly<Record<string, unknown>>): Promise<unknown> {
    using _ = hold()
    return await this.#ask(command, args)
  }

  #ask(command: string, args?: Readonly<Record<string, unknown>>): Promise<unknown> {
    const id = this.#nextId++
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) return reject(ended(command))
      this.#waiting.set(id, { resolve, reject, command })
      this.#socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`)
    })
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
    const waiting = reply.id === undefined ? undefined : this.#waiting.get(reply.id)
    if (reply.id === undefined || !waiting) return
    this.#waiting.delete(reply.id)
    if (reply.error) {
      waiting.reject(
        new HostError(`QEMU refused ${waiting.command}: ${reply.error.desc}`, { command: waiting.command }),
      )
    } else {
      waiting.resolve(reply.return)
    }
  }

  #close(): void {
    for (const { reject, command } of this.#waiting.values()) reject(ended(command))
    this.#waiting.clear()
  }
}

function ended(command: string): HostError {
  return new HostError(`QEMU exited before it answered ${command}`, { command })
}
