import { bootGuest, openNetwork } from 'vitest-guest/core'
import type { Image } from '../src/image/resolve-image.ts'
import { bootByHand } from './by-hand.ts'
import { emptyCache } from './empty-cache.ts'
import { openFloor } from './floor.ts'
import { median } from './median.ts'

/** How long a guest takes to a connected client, in each way; milliseconds, one number per round. */
export interface Starts {
  byHand: number[]
  cold: number[]
  build: number[]
  warm: number[]
  floor: number[]
  network: number[]
  close: number[]
  warmPhases: Record<string, number>
  coldPhases: Record<string, number>
}

/** Clones per round of boots: they are cheap, and what matters is the ratio of two of them. */
const CLONES = 10

export async function measureStarts(image: Image, accel: 'kvm' | 'tcg', rounds: number): Promise<Starts> {
  const starts: Omit<Starts, 'warmPhases' | 'coldPhases'> = {
    byHand: [],
    cold: [],
    build: [],
    warm: [],
    floor: [],
    network: [],
    close: [],
  }
  const warmPhases = new Map<string, number[]>()
  const coldPhases = new Map<string, number[]>()
  for (let round = 1; round <= rounds; round++) {
    // Both end when a command by SSH has seen that cloud-init is done. The order changes from round to round.
    const boots = [
      async () => starts.byHand.push(await bootByHand(image, accel)),
      async () => starts.cold.push(await timeStart('cold', coldPhases)),
    ]
    for (const boot of round % 2 === 1 ? boots : boots.toReversed()) await boot()
    // Clones of another template in each round: how late sshd answers a login depends on its host key.
    await using cache = await emptyCache(image)
    starts.build.push(await timeBuild())
    await using floor = await openFloor(await cache.template(), image, accel)
    for (let clone = 0; clone < CLONES; clone++) {
      starts.floor.push(await floor.round())
      starts.warm.push(await timeStart('warm', warmPhases, starts.close))
      starts.network.push(await timeNetwork())
    }
    const said = (['byHand', 'cold', 'build', 'floor', 'warm'] as const).map(
      (name) =>
        `${name} ${(median(starts[name].slice(name === 'floor' || name === 'warm' ? -CLONES : -1)) / 1000).toFixed(2)} s`,
    )
    console.log(`  round ${round}: ${said.join(', ')}`)
  }
  return { ...starts, warmPhases: medians(warmPhases), coldPhases: medians(coldPhases) }
}

async function timeStart(start: 'cold' | 'warm', phases: Map<string, number[]>, close?: number[]): Promise<number> {
  const startedAt = performance.now()
  const guest = await bootGuest({ start })
  const elapsed = performance.now() - startedAt
  if (guest.started !== start) throw new Error(`the guest started ${guest.started}`)
  for (const { name, durationMs } of guest.phases) phases.set(name, [...(phases.get(name) ?? []), durationMs])
  const closedAt = performance.now()
  await guest[Symbol.asyncDispose]()
  close?.push(performance.now() - closedAt)
  return elapsed
}

/** The first start with an empty cache, minus the clone at its end. */
async function timeBuild(): Promise<number> {
  await using guest = await bootGuest()
  return guest.phases.find(({ name }) => name === 'template')?.durationMs ?? Number.NaN
}

async function timeNetwork(): Promise<number> {
  const startedAt = performance.now()
  await using network = await openNetwork()
  await using _ = await network.attach({ hostname: 'none', address: '192.168.100.224' })
  return performance.now() - startedAt
}

function medians(phases: Map<string, number[]>): Record<string, number> {
  return Object.fromEntries([...phases].map(([name, durations]) => [name, median(durations)]))
}
