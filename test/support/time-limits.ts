/**
 * In milliseconds. No test depends on being quick: these tell what is waited for from what is not, on a host that emulates its guests
 * and has other work.
 */
export const LIMITS = {
  /** Of a test or a hook that needs nothing but Node. */
  unit: 20_000,
  /** Of one that makes networks. */
  network: 120_000,
  /** Of one that has guests: a cold boot takes a minute under emulation, and a test may want several. */
  guest: 600_000,
  /** Where there is no image yet: it is built first. */
  image: 1_800_000,
  /** What has nothing to wait for. */
  atOnce: 15_000,
  /** What has a look or two at a guest, or explains why it cannot. */
  soon: 30_000,
  /** What waits for a program of a guest. */
  patient: 60_000,
  /** Until what a process had is gone after it. */
  gone: 5000,
}
