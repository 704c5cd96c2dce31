import type { Duplex } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { GuestError } from '../errors.ts'

/** Characters kept; a Debian boot writes about 40,000. */
const KEPT = 4_000_000
const TAIL_LINES = 20

/** What the guest writes to its first serial port, and a way to write back. */
export class Console {
  readonly #stream: Duplex
  readonly #listeners = new Set<(chunk: string) => void>()
  #text = ''
  #dropped = 0

  constructor(stream: Duplex) {
    this.#stream = stream
    stream.on('error', () => {})
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      const text = this.#text + chunk
      this.#text = text.slice(-KEPT)
      this.#dropped += text.length - this.#text.length
      for (const listener of this.#listeners) listener(chunk)
    })
  }

  /** Everything written so far (the last 4 million characters), without escape sequences and carriage returns. */
  get text(): string {
    return this.textSince(0)
  }

  /** How much was written so far: a point for `textSince` and `guest.waitForConsole` to begin at. */
  get position(): number {
    return this.#dropped + this.#text.length
  }

  /** The part of `text` that was written after a point of before, as `position` gave it. */
  textSince(position: number): string {
    return plain(this.#text.slice(Math.max(0, position - this.#dropped)))
  }

  /** The last 20 lines that are not empty. */
  get tail(): string {
    return plain(this.#text.slice(-20_000))
      .split('\n')
      .filter((line) => line.trim() !== '')
      .slice(-TAIL_LINES)
      .join('\n')
  }

  /**
   * The lines that the guest writes from the call on, each once it is complete, without escape sequences. They end with the
   * machine, or when the signal aborts; `break` stops listening.
   */
  lines({ signal }: { signal?: AbortSignal } = {}): AsyncIterableIterator<string> {
    const queue: string[] = []
    let rest = ''
    let wake = () => {}
    const stop = this.onOutput((chunk) => {
      const complete = `${rest}${chunk}`.split('\n')
      rest = complete.pop() ?? ''
      queue.push(...complete.map(plain))
      wake()
    })
    const over = () => wake()
    const stream = this.#stream
    stream.once('close', over)
    signal?.addEventListener('abort', over, { once: true })
    const each = async function* () {
      try {
        for (;;) {
          yield* queue.splice(0)
          if (queue.length > 0) continue
          if (stream.destroyed || signal?.aborted) return
          await new Promise<void>((resolve) => (wake = resolve))
        }
      } finally {
        stop()
        stream.off('close', over)
        signal?.removeEventListener('abort', over)
      }
    }
    return each()
  }

  /**
   * Types on the serial line: `await guest.console.write('root\n')`. What a terminal there would show of it comes back as
   * output. Resolves once QEMU has taken it.
   * @throws GuestError when QEMU has ended, or does before that.
   */
  async write(text: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const ended = (cause?: unknown) =>
      reject(new GuestError('Nothing can be typed: QEMU has ended, and the console with it', { cause }))
    const onClose = () => ended()
    this.#stream.once('close', onClose)
    this.#stream.write(text, (cause) => (cause ? ended(cause) : resolve()))
    await promise.finally(() => this.#stream.off('close', onClose))
  }

  /** Calls `listener` with whatever is written, as it is written. Returns the function that stops it. */
  onOutput(listener: (chunk: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

/** Given the console of a machine as soon as it has one. */
export type ConsoleListener = (console: Console) => void

function plain(text: string): string {
  return stripVTControlCharacters(text).replaceAll('\r', '')
}
