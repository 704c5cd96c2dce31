/**
 * In milliseconds. No test depends on being quick: these tell what is waited for from what is not, on a host that emulates its guests
 * and has other work.
 */
export const LIMITS = {
  /** Of a test or a hook that needs only Node. */
  unit: 20_000,
  /** Of one that creates networks. */
  network: 120_000,
  /** Of one that has guests: a cold boot takes a minute under emulation, and a test may want several. */
  guest: 600_000,
  /** If there is no image yet, which is built first. */
  image: 1_800_000,
  /** For what has nothing to wait for. */
  atOnce: 15_000,
  /** For what asks a guest once or twice, or explains why it cannot. */
  soon: 30_000,
  /** For what waits for a program in a guest. */
  patient: 60_000,
  /** Until everything of a process is gone after its end. */
  gone: 5000,
}
