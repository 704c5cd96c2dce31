import { randomBytes } from 'node:crypto'
import { Transform, type TransformCallback } from 'node:stream'

/** Marks where, in the streams of a shell, the output of the command begins. */
export interface StartMark {
  /** A shell command that writes the mark to both streams, with the shell's pid and these words. */
  say(words?: string): string
  /** Removes the mark, and everything before it, from one of them. */
  cut(onStart?: (pid: number, words: string) => void): AfterStart
}

/** bash reads its start-up files for each command (Debian's SSH_SOURCE_BASHRC), and they may print anything, so the mark is random. */
export function startMark(): StartMark {
  const nonce = randomBytes(12).toString('hex')
  return {
    say: (words = '') => {
      const echo = `echo "${nonce} $$ ${words}"`
      return `${echo}; ${echo} >&2`
    },
    cut: (onStart) => new AfterStart(nonce, onStart),
  }
}

/** The length of `say()`, in bytes. */
export const SAYING_BYTES = startMark().say().length

/** Bytes that a shell's start-up files may write. */
const MOST_BEFORE = 1_000_000
/** Bytes of that to keep for an error. */
const KEPT = 2000
/** Bytes of the line that begins with the mark. */
const LONGEST = 200
const LINE_END = 0x0a
/** A Linux pid, except 0 and 1, which as process groups mean one's own and everybody. */
const PID = /^(?:[2-9]|[1-9]\d{1,8})$/

/** Passes on what comes after a mark. Emits `'fail'` with the reason when it gives up waiting for the mark. */
class AfterStart extends Transform {
  readonly #mark: string
  readonly #onStart: ((pid: number, words: string) => void) | undefined
  #state: 'waits' | 'started' | 'failed' = 'waits'
  #seen = 0
  #before = Buffer.alloc(0)

  constructor(mark: string, onStart?: (pid: number, words: string) => void) {
    super()
    this.#mark = mark
    this.#onStart = onStart
  }

  /** The last bytes before the mark. */
  get before(): string {
    return this.#before.toString()
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    done(null, this.#state === 'started' ? chunk : this.#state === 'failed' ? undefined : this.#lookInto(chunk))
  }

  #lookInto(chunk: Buffer): Buffer | undefined {
    this.#seen += chunk.length
    const bytes = Buffer.concat([this.#before, chunk])
    const at = bytes.indexOf(this.#mark)
    const end = at === -1 ? -1 : bytes.indexOf(LINE_END, at)
    if (end === -1) {
      // It may contain a part of the mark, or of its line.
      const isNear = at !== -1 && bytes.length - at <= LONGEST
      this.#before = bytes.subarray(isNear ? at : -KEPT)
      if (this.#seen > MOST_BEFORE) this.#fail(`wrote more than ${MOST_BEFORE} bytes before the command ran`)
      return undefined
    }
    this.#before = bytes.subarray(Math.max(0, at - KEPT), at)
    const [, pid = '', ...words] = bytes.toString('latin1', at, end).trimEnd().split(' ')
    if (!PID.test(pid)) return void this.#fail('did not report its process ID')
    this.#state = 'started'
    this.#onStart?.(Number(pid), words.join(' '))
    return bytes.subarray(end + 1)
  }

  #fail(reason: string): void {
    this.#state = 'failed'
    this.emit('fail', reason)
  }
}
