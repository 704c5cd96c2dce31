/** How a command ended. Without any of these the connection was lost, and the ending is unknown. */
export interface Ending {
  readonly exitCode?: number | undefined
  /** E.g. `'SIGTERM'`. */
  readonly signal?: string | undefined
  readonly cutOff?: CutOff
}

/** Why we ended it. */
export interface CutOff {
  readonly by: 'timeout' | 'cancelSignal' | 'maxBuffer' | 'disposal'
  readonly cause?: unknown
}

/** How a command ended. The names are execa's. */
export interface CommandFacts {
  command: string
  /** Undefined when a signal, a time-out or the caller ended it. */
  exitCode: number | undefined
  /** The signal that ended it, unless this package sent it: e.g. `'SIGTERM'`. */
  signal: string | undefined
  durationMs: number
  failed: boolean
  timedOut: boolean
  /** Whether its `cancelSignal` ended it. */
  isCanceled: boolean
  /** Whether a signal ended it, regardless of the sender. */
  isTerminated: boolean
}

/** @param startedAt as performance.now() gave it. */
export function factsOf(command: string, { exitCode, signal, cutOff }: Ending, startedAt: number): CommandFacts {
  return {
    command,
    exitCode,
    signal,
    durationMs: Math.round(performance.now() - startedAt),
    failed: exitCode !== 0,
    timedOut: cutOff?.by === 'timeout',
    isCanceled: cutOff?.by === 'cancelSignal',
    isTerminated: signal !== undefined || cutOff !== undefined,
  }
}

/** Whether the connection ended first, so that the ending is unknown. */
export function isLost({ exitCode, signal, cutOff }: Ending): boolean {
  return exitCode === undefined && signal === undefined && cutOff === undefined
}
