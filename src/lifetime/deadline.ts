import { timerMs } from './longest-timer.ts'

interface DeadlineOptions {
  /** The caller's; the deadline aborts with it. */
  readonly signal?: AbortSignal | undefined
  /** Makes the reason when the time is up. @default a `TimeoutError`, as AbortSignal.timeout has it */
  readonly late?: () => unknown
  /** Makes the reason from that of the caller's signal. @default the same */
  readonly canceled?: (reason: unknown) => unknown
}

/**
 * A signal that aborts when the time is up, when the caller's signal does, or by `abort()`, whichever is first. Unlike AbortSignal.timeout
 * and .any it leaves no timer and no listener behind when disposed of: a wait creates hundreds of them.
 */
export class Deadline implements Disposable {
  readonly #controller = new AbortController()
  readonly #late: () => unknown
  readonly #stopListening: () => void
  #timer: NodeJS.Timeout | undefined
  #isOver = false
  #isLate = false

  /** @param ms Infinity for none */
  constructor(ms: number, { signal, late = timeoutError, canceled = (reason) => reason }: DeadlineOptions = {}) {
    this.#late = late
    const onAbort = () => this.abort(canceled(signal?.reason))
    this.#stopListening = () => signal?.removeEventListener('abort', onAbort)
    signal?.addEventListener('abort', onAbort, { once: true })
    if (signal?.aborted) onAbort()
    this.restart(ms)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  get isLate(): boolean {
    return this.#isLate
  }

  /** Sets the time left, unless it is over. */
  restart(ms: number): void {
    clearTimeout(this.#timer)
    if (this.#isOver) return
    this.#timer = setTimeout(() => {
      this.#isLate = true
      this.abort(this.#late())
    }, timerMs(ms))
  }

  abort(reason: unknown): void {
    if (this.#isOver) return
    this[Symbol.dispose]()
    this.#controller.abort(reason)
  }

  /** Prevents it from aborting. */
  [Symbol.dispose](): void {
    this.#isOver = true
    clearTimeout(this.#timer)
    this.#stopListening()
  }
}

function timeoutError(): DOMException {
  return new DOMException('The operation was aborted due to timeout', 'TimeoutError')
}
