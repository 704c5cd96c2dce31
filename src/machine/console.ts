import type { Duplex } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'

/** Characters kept; a Debian boot writes about 40,000. */
const KEPT = 4_000_000
const TAIL_LINES = 20

/** What the guest writes to its first serial port. */
export class Console {
  readonly #listeners = new Set<() => void>()
  #text = ''

  constructor(stream: Duplex) {
    stream.on('error', () => {})
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      this.#text = (this.#text + chunk).slice(-KEPT)
      for (const listener of this.#listeners) listener()
    })
  }

  /** Everything written so far (the last 4 million characters), without escape sequences and carriage returns. */
  get text(): string {
    return stripVTControlCharacters(this.#text).replaceAll('\r', '')
  }

  /** The last 20 lines that are not empty. */
  get tail(): string {
    return stripVTControlCharacters(this.#text.slice(-20_000))
      .replaceAll('\r', '')
      .split('\n')
      .filter((line) => line.trim() !== '')
      .slice(-TAIL_LINES)
      .join('\n')
  }

  /** Calls `listener` whenever something was written. Returns the function that stops it. */
  onOutput(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

/** Given the console of a machine as soon as it has one. */
export type ConsoleListener = (console: Console) => void
