import type { Duplex } from 'node:stream'
import { GuestError } from '../errors.ts'
import { TextRing } from './text-ring.ts'

/** Characters kept; a Debian boot writes about 40,000. */
const KEPT = 4_000_000
const TAIL_LINES = 20
/** Characters of a line that `lines()` gives in one piece. */
const LONGEST_LINE = 65_536

/** The output of the guest's first serial port, and a way to type input. */
export class Console {
  readonly #stream: Duplex
  readonly #listeners = new Set<(chunk: string) => void>()
  readonly #ring = new TextRing(KEPT)

  constructor(stream: Duplex) {
    this.#stream = stream
    const plain = new PlainText()
    stream.on('error', () => {})
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      this.#ring.append(plain.push(chunk))
      for (const listener of this.#listeners) listener(chunk)
    })
  }

  /** All output so far (the last 4 million characters), without escape sequences and control characters. */
  get text(): string {
    return this.#ring.since(0)
  }

  /** The amount of output so far, as a starting point for `textSince` and `guest.waitForConsole`. */
  get position(): number {
    return this.#ring.end
  }

  /** The part of `text` that was written after a point returned by `position`. */
  textSince(position: number): string {
    return this.#ring.since(position)
  }

  /** The last 20 non-empty lines. */
  get tail(): string {
    return this.#ring
      .since(this.position - 20_000)
      .split('\n')
      .filter((line) => line.trim() !== '')
      .slice(-TAIL_LINES)
      .join('\n')
  }

  /**
   * Iterates over the lines that the guest writes after the call, each once it is complete, without escape sequences; lines longer than
   * 65,536 characters are split. Ends with the machine, or when the signal aborts; `break` stops listening.
   */
  lines({ signal }: { signal?: AbortSignal } = {}): AsyncIterableIterator<string> {
    let seen = this.position
    let rest = ''
    let wake = () => {}
    const stop = this.onOutput(() => wake())
    const over = () => wake()
    const stream = this.#stream
    stream.once('close', over)
    signal?.addEventListener('abort', over, { once: true })
    const news = () => {
      const lines = (rest + this.textSince(seen)).split('\n')
      seen = this.position
      const last = inPieces(lines.pop() ?? '')
      rest = last.pop() ?? ''
      return [...lines.flatMap(inPieces), ...last]
    }
    const each = async function* () {
      try {
        for (;;) {
          const complete = news()
          yield* complete
          if (complete.length > 0) continue
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
   * Types on the serial line: `await guest.console.write('root\n')`. Any echo appears in the
   * output. Resolves once QEMU has accepted the text.
   * @throws GuestError when QEMU has exited, or exits before that.
   */
  async write(text: string): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    const ended = (cause?: unknown) => reject(new GuestError('Cannot write to the console: QEMU has exited', { cause }))
    const onClose = () => ended()
    this.#stream.once('close', onClose)
    this.#stream.write(text, (cause) => (cause ? ended(cause) : resolve()))
    await promise.finally(() => this.#stream.off('close', onClose))
  }

  /** Calls `listener` with each piece of output as it arrives. Returns a function that stops it. */
  onOutput(listener: (chunk: string) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }
}

/** At least one. */
function inPieces(line: string): string[] {
  const pieces = [line.slice(0, LONGEST_LINE)]
  for (let at = LONGEST_LINE; at < line.length; at += LONGEST_LINE) pieces.push(line.slice(at, at + LONGEST_LINE))
  return pieces
}

/** Called with the console of a machine as soon as it has one. */
export type ConsoleListener = (console: Console) => void

/** The beginning of a sequence with a text and a terminator: OSC, DCS, SOS, PM, APC. The text contains no other beginning. */
const STRING = String.raw`(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\n\x80-\x9f]{0,512}`
const CSI = String.raw`(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}`
const SHORT = String.raw`\x1b[ -/]{0,2}`

/** Escape sequences of ECMA-48 and xterm, each of limited length, so that one that never ends hides little. */
const SEQUENCE = new RegExp(`${CSI}[@-~]|${STRING}(?:\\x07|\\x1b\\\\|\\x9c)|${SHORT}[0-OQ-WYZ\\\\\`a-~]`, 'g')
/** An incomplete one at the end. */
const BEGINNING = new RegExp(`(?:${CSI}|${STRING}\\x1b?|${SHORT})$`)
/** The longest of these. */
const LONGEST = 520
const CONTROL = /(?![\n\t])\p{Cc}/gu

/** Removes escape sequences and control characters, except newlines and tabs, from text that arrives in pieces. */
export class PlainText {
  #rest = ''

  /** Returns the plain text of a piece. An incomplete sequence at its end waits for the next. */
  push(piece: string): string {
    const text = (this.#rest + piece).replaceAll(SEQUENCE, '')
    this.#rest = BEGINNING.exec(text.slice(-LONGEST))?.[0] ?? ''
    return text.slice(0, text.length - this.#rest.length).replaceAll(CONTROL, '')
  }
}
