/** Node's longest timer, in milliseconds, some 25 days; a longer one fires at once. */
const LONGEST = 2 ** 31 - 1

/** Milliseconds for a timer; may be Infinity. */
export function timerMs(ms: number): number {
  return Math.min(ms, LONGEST)
}
