import { GuestError } from '../../errors.ts'
import { callerFrames } from '../../errors/caller.ts'
import { perProcess } from '../../lifetime/per-process.ts'

export interface Pending {
  /** E.g. `unit nginx to become active`, or `guest.reboot()`. */
  readonly what: string
  readonly startedAt: Date
  /** The number of attempts; undefined for operations without attempts. */
  readonly attempts: number | undefined
  readonly lastSeen: string | undefined
  /** The stack of the call, from the first frame on that is not in this package. */
  readonly frames: readonly string[]
}

/** Operations to keep that the caller's signal has aborted, as happens to those of a test that has timed out. */
const ABORTED_KEPT = 10

type Entry = { -readonly [K in Exclude<keyof Pending, 'frames'>]: Pending[K] } & { readonly here: Error }

interface Book {
  readonly running: Set<Entry>
  readonly aborted: Entry[]
}

/** By the guests' ids. */
const books = perProcess('pending', () => new Map<string, Book>())

function bookOf(guest: string): Book {
  let book = books.get(guest)
  if (!book) books.set(guest, (book = { running: new Set(), aborted: [] }))
  return book
}

export interface PendingEntry {
  /** Records one more attempt, and its result. */
  saw(lastSeen: string | undefined): void
  /** @param isAborted whether the caller's signal ended it */
  end(isAborted: boolean): void
}

/** Records an operation and the line that started it; to be called before anything is awaited. */
export function begin(guest: string, what: string): PendingEntry {
  const { running, aborted } = bookOf(guest)
  const entry: Entry = {
    what,
    startedAt: new Date(),
    attempts: undefined,
    lastSeen: undefined,
    here: new GuestError(''),
  }
  running.add(entry)
  return {
    saw: (lastSeen) => {
      entry.attempts = (entry.attempts ?? 0) + 1
      entry.lastSeen = lastSeen ?? entry.lastSeen
    },
    end: (isAborted) => {
      if (!running.delete(entry) || !isAborted) return
      aborted.push(entry)
      if (aborted.length > ABORTED_KEPT) aborted.shift()
    },
  }
}

export async function whilePending<T>(
  guest: string,
  what: string,
  signal: AbortSignal | undefined,
  work: () => Promise<T>,
): Promise<T> {
  const entry = begin(guest, what)
  try {
    return await work()
  } finally {
    entry.end(signal?.aborted ?? false)
  }
}

/** Operations begun since a time that are pending, or were aborted by their caller's signal; oldest first. */
export function pendingOf(guest: string, since: Date): Pending[] {
  const { running, aborted } = bookOf(guest)
  return [...aborted, ...running]
    .filter(({ startedAt }) => startedAt >= since)
    .map(({ here, ...entry }) => ({ ...entry, frames: callerFrames(here.stack) }))
}

export function forget(guest: string): void {
  const { running, aborted } = bookOf(guest)
  running.clear()
  aborted.length = 0
}
