import pRetry from 'p-retry'
import { SshError, WaitError, withFrames, type GuestErrorFacts } from '../../errors.ts'
import { budgetFactor, type Accelerator } from '../../accelerator/accelerator.ts'
import { messageOf } from '../../host/message-of.ts'
import { Deadline } from '../../lifetime/deadline.ts'
import { timerMs } from '../../lifetime/longest-timer.ts'
import { until } from '../../lifetime/until.ts'
import { refuseUnknown, requireMilliseconds, requireSignal } from '../../options/check.ts'
import type { PendingEntry } from './pending.ts'

export interface WaitOptions {
  /** Milliseconds; 0 for a single attempt. @default 60_000 with KVM, ten times as long under emulation */
  timeout?: number
  /** Milliseconds between attempts. @default 100 with KVM, 1000 under emulation */
  interval?: number
  /** Ends the wait with the signal's reason. */
  signal?: AbortSignal
}

/** Milliseconds; a guest that has not answered by then is considered hung. */
const FIRST_LOOK_BUDGET = 10_000
/** Milliseconds for gathering additional facts for an error. */
const EXPLAIN_BUDGET = 10_000

/** Thrown by an attempt that should be repeated. */
export class NotYet extends Error {
  readonly facts: GuestErrorFacts
  /** Whether the only thing known is that the guest did not answer. */
  readonly isSilence: boolean

  /** @param seen the current state, in a few words */
  constructor(seen: string, facts: GuestErrorFacts = {}, isSilence = false) {
    super(seen)
    this.facts = facts
    this.isSilence = isSilence
  }
}

export interface Wait<T> {
  /** E.g. `unit nginx to become active`; what follows "waiting for". */
  readonly what: string
  /** Milliseconds. */
  readonly timeout: number
  readonly interval: number
  readonly signal: AbortSignal | undefined
  /** Called once; lets the wait end when the guest dies. */
  readonly watch: (fail: (error: Error) => void) => Disposable
  /** One attempt. @throws NotYet to try again; anything else ends the wait. */
  readonly look: (signal: AbortSignal) => Promise<T>
  /** The awaited result, if it was already there when the guest died. */
  readonly lastLook?: () => T | undefined
  /** Where the pending wait is recorded. */
  readonly pending?: PendingEntry
  /** Whether the first attempt may exceed the timeout, by ten seconds, so that there is a result to report. @default false */
  readonly looksAtLeastOnce?: boolean
  /** Additional facts for the error on time-out. */
  readonly explain?: (lastSeen: NotYet | undefined) => Promise<GuestErrorFacts>
}

/** Repeats `look` until it succeeds. @throws WaitError on time-out; the signal's reason; the reason why the guest died */
export async function waitUntil<T>(wait: Wait<T>): Promise<T> {
  const { what, timeout, interval, signal, watch, look, explain, pending, looksAtLeastOnce = false } = wait
  const startedAt = performance.now()
  const left = () => timeout - (performance.now() - startedAt)
  const late = new Error('the time is up')
  // A single attempt (timeout 0) has no time limit.
  const limit = looksAtLeastOnce ? timeout + FIRST_LOOK_BUDGET : timeout || Infinity
  using over = new Deadline(limit, { signal, late: () => late })
  let attempts = 0
  let last: NotYet | undefined
  using _watching = watch((error) => over.abort(error))
  const lookOnce = async () => {
    attempts++
    try {
      return await until(over.signal, look(over.signal))
    } catch (error) {
      if (over.signal.aborted) throw over.signal.reason
      last = notYet(error)
      pending?.saw(last.message)
      if (left() <= 0) over.abort(late)
      else over.restart(left())
      throw last
    }
  }
  try {
    return await pRetry(lookOnce, {
      retries: Infinity,
      minTimeout: timerMs(Math.max(1, interval)),
      factor: 1,
      shouldRetry: ({ error }) => error instanceof NotYet,
      signal: over.signal,
    })
  } catch (error) {
    if (!over.signal.aborted) throw withFrames(error)
    if (over.signal.reason !== late) {
      const found = signal?.aborted ? undefined : wait.lastLook?.()
      if (found === undefined) throw over.signal.reason
      return found
    }
    const elapsedMs = Math.round(performance.now() - startedAt)
    const result = last?.message ?? 'the first attempt did not finish'
    const tries = attempts === 1 ? '1 attempt' : `${attempts} attempts`
    throw new WaitError(
      `Timed out after ${(elapsedMs / 1000).toFixed(1)} s (${tries}) waiting for ${what}: ${result}`,
      {
        phase: what,
        elapsedMs,
        attempts,
        lastSeen: last?.message,
        ...last?.facts,
        ...(await explained(explain?.(last))),
      },
    )
  } finally {
    pending?.end(signal?.aborted ?? false)
  }
}

/** Gives up on a guest that hangs. */
async function explained(explaining: Promise<GuestErrorFacts> | undefined): Promise<GuestErrorFacts> {
  if (!explaining) return {}
  return until(AbortSignal.timeout(EXPLAIN_BUDGET), explaining).catch(() => ({}))
}

/** A broken connection says nothing about the awaited condition; the next attempt opens a new one. */
function notYet(error: unknown): NotYet {
  if (error instanceof NotYet) return error
  if (error instanceof SshError) return new NotYet(messageOf(error), {}, true)
  throw error
}

const TIMEOUT = 60_000
const INTERVAL = 100

/** Fills in defaults. @throws GuestError for invalid numbers of milliseconds */
export function resolveWait(options: WaitOptions, accel: Accelerator, defaultTimeout = TIMEOUT): WaitTimes {
  const factor = budgetFactor(accel)
  const read = refuseUnknown(options, ['timeout', 'interval', 'signal', 'since'])
  const { timeout = defaultTimeout * factor, interval = INTERVAL * factor, signal } = read
  requireSignal('signal', signal)
  requireMilliseconds('timeout', timeout)
  requireMilliseconds('interval', interval)
  return { timeout, interval, signal }
}

type WaitTimes = Pick<Wait<unknown>, 'timeout' | 'interval' | 'signal'>
