import { setTimeout as sleep } from 'node:timers/promises'
import { bootGuest, type Guest } from 'vitest-guest/core'
import { FreshGuests } from '../fixtures/leases/fresh-guests.ts'
import type { Image } from '../src/image/resolve-image.ts'
import { emptyCache } from './empty-cache.ts'
import { openFloor } from './floor.ts'

/** Milliseconds that each test waited for a separate machine, and the floor. */
export interface Fresh {
  on: number[]
  /** Without a standby, in turns with `floor`. */
  off: number[]
  floor: number[]
}

/** Longer than a restore takes. */
const TEST_MS = 4000
const TESTS = 5
const TURNS = 10

/** How long a test waits for an unused machine; the tests only pass the time. */
export async function measureFresh(image: Image, accel: 'kvm' | 'tcg', rounds: number): Promise<Fresh> {
  const fresh: Fresh = { on: [], off: [], floor: [] }
  for (let round = 1; round <= rounds; round++) {
    // Another template in each round, as for the starts.
    await using cache = await emptyCache(image)
    const start = (signal: AbortSignal) => bootGuest({ signal })
    {
      await using guests = await FreshGuests.open({ start, standby: true, memoryMib: 512 })
      await take(guests)
      for (let test = 0; test < TESTS; test++) {
        await sleep(TEST_MS)
        guests.giveBack()
        fresh.on.push(await take(guests))
      }
    }
    await using guests = await FreshGuests.open({ start, standby: false, memoryMib: 512 })
    await using floor = await openFloor(await cache.template(), image, accel)
    await take(guests)
    for (let turn = 0; turn < TURNS; turn++) {
      fresh.floor.push(await floor.round())
      guests.giveBack()
      fresh.off.push(await take(guests))
    }
  }
  return fresh
}

async function take(guests: FreshGuests<Guest>): Promise<number> {
  const startedAt = performance.now()
  await guests.take(true)
  const ms = performance.now() - startedAt
  await guests.current.$`true`
  return ms
}
