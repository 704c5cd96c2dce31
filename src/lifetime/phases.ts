import { GuestError } from '../errors.ts'

/** A named, completed part of a start. */
export interface Phase {
  readonly name: string
  /** Milliseconds. */
  readonly durationMs: number
}

/** Called when a phase starts (`durationMs` undefined) and when it ends. */
export type PhaseListener = (event: { name: string; durationMs?: number }) => void

/** Records named phases and tells a listener, so that a wait always has a readable name. */
export class Phases {
  readonly list: Phase[] = []
  readonly #listener: PhaseListener | undefined
  readonly #signal: AbortSignal | undefined
  /** The phase that is running, or the last one that ran. */
  current = 'start'
  #startedAt = performance.now()

  /** @param signal no phase begins once it has aborted, even if an earlier phase ignored it */
  constructor(listener?: PhaseListener, signal?: AbortSignal) {
    this.#listener = listener
    this.#signal = signal
  }

  /** Milliseconds since the current phase started. */
  get elapsedMs(): number {
    return Math.round(performance.now() - this.#startedAt)
  }

  async run<T>(name: string, work: () => Promise<T>): Promise<T> {
    this.#signal?.throwIfAborted()
    this.current = name
    this.#startedAt = performance.now()
    this.#listener?.({ name })
    const result = await work().catch((error: unknown) => {
      throw inPhase(error, name, this.elapsedMs)
    })
    const durationMs = this.elapsedMs
    this.list.push({ name, durationMs })
    this.#listener?.({ name, durationMs })
    return result
  }
}

/** Adds to a GuestError the phase in which it happened, unless it already has one. */
function inPhase(error: unknown, phase: string, elapsedMs: number): unknown {
  if (error instanceof GuestError && error.phase === undefined) Object.assign(error, { phase, elapsedMs })
  return error
}
