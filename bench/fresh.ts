import { setTimeout as sleep } from 'node:timers/promises'
import { bootGuest } from 'vitest-guest/core'
import { FreshGuests } from '../fixtures/fresh-guests.ts'

export interface Fresh {
  /** Milliseconds that each test waited for a machine of its own, with a standby. */
  on: number[]
  /** The same without. */
  off: number[]
}

/** Longer than a restore takes. */
const TEST_MS = 4000

/** What a test waits for a machine that no test has touched; the tests only pass the time. */
export async function measureFresh(tests: number): Promise<Fresh> {
  return { on: await waits(true, tests), off: await waits(false, tests) }
}

async function waits(standby: boolean, tests: number): Promise<number[]> {
  const start = (signal: AbortSignal) => bootGuest({ signal })
  await using guests = await FreshGuests.open({ start, standby, memoryMib: 512 })
  const waited: number[] = []
  for (let test = 0; test <= tests; test++) {
    const startedAt = performance.now()
    await guests.take(true)
    const ms = performance.now() - startedAt
    // The first has nobody before it.
    if (test > 0) waited.push(ms)
    await guests.current.$`true`
    if (standby) await sleep(TEST_MS)
    guests.giveBack()
  }
  return waited
}
