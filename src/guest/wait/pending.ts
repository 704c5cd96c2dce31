import { GuestError } from '../../errors.ts'
import { callerFrames } from '../../errors/caller.ts'

/** What somebody waits for in a guest. */
export interface Pending {
  /** E.g. `unit nginx to become active`, or `guest.reboot()`. */
  readonly what: string
  readonly startedAt: Date
  /** How often it was looked at; undefined for what is no look. */
  readonly attempts: number | undefined
  /** What was seen last. */
  readonly lastSeen: string | undefined
  /** The stack of the call, from the first frame on that is not in this package. */
  readonly frames: readonly string[]
}

/** Ended by the caller's signal, as those of a test are that has timed out. */
const ABORTED_KEPT = 10
const KEY = Symbol.for('vitest-guest.pending')

interface Entry {
  what: string
  startedAt: Date
  attempts: number | undefined
  lastSeen: string | undefined
  here: Error
}

interface Book {
  readonly running: Set<Entry>
  readonly aborted: Entry[]
}

/** One per process, by the guests' ids: a module may be loaded more than once. */
function bookOf(guest: string): Book {
  const holder = globalThis as { [KEY]?: Map<string, Book> | undefined }
  const books = (holder[KEY] ??= new Map<string, Book>())
  let book = books.get(guest)
  if (!book) books.set(guest, (book = { running: new Set(), aborted: [] }))
  return book
}

export interface PendingEntry {
  /** One more look, and what was seen. */
  saw(lastSeen: string | undefined): void
  /** @param isAborted whether the caller's signal ended it */
  end(isAborted: boolean): void
}

/** Notes what begins, and the line that asked for it: to be called before anything is awaited. */
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

/** The same for all of some work. */
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

/** What is pending, or was until its caller's signal aborted, and was begun at a time or later; the oldest first. */
export function pendingOf(guest: string, since: Date): Pending[] {
  const { running, aborted } = bookOf(guest)
  return [...aborted, ...running]
    .filter(({ startedAt }) => startedAt >= since)
    .map(({ here, ...entry }) => ({ ...entry, frames: callerFrames(here.stack) }))
}

/** Nobody asks any more. */
export function forget(guest: string): void {
  const { running, aborted } = bookOf(guest)
  running.clear()
  aborted.length = 0
}
