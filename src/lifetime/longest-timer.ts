/** What a timer of Node's can wait at the most, in milliseconds, some 25 days: with more it would fire at once. */
const LONGEST = 2 ** 31 - 1

/** Milliseconds for a timer, Infinity among them. */
export function timerMs(ms: number): number {
  return Math.min(ms, LONGEST)
}
