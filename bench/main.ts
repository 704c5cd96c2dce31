/**
 * `npm run bench`: what a boot costs by hand and with us, side by side in one run, alternating, as medians and their ratio.
 *
 * Argument: the number of rounds, 3 by default.
 */
import { chooseAccelerator } from '../src/host/accelerator.ts'
import { resolveImage } from '../src/image/resolve-image.ts'
// The package as it is published: from source, Node would strip the keeper's types first.
import { bootGuest, openNetwork } from 'vitest-guest/core'
import { bootByHand } from './by-hand.ts'
import { median } from './median.ts'

const rounds = Number(process.argv[2] ?? 3)
const { accel, reason } = await chooseAccelerator('auto')
const image = await resolveImage({ base: 'debian-12', packages: [] }, {})
console.log(`${rounds} rounds on ${accel} (${reason})`)

const byHand: number[] = []
const ours: number[] = []
const phases = new Map<string, number[]>()
for (let round = 1; round <= rounds; round++) {
  byHand.push(await bootByHand(image, accel))
  ours.push(await bootOurs())
  console.log(`  round ${round}: by hand ${seconds(byHand.at(-1))}, ours ${seconds(ours.at(-1))}`)
}

const networks: number[] = []
for (let round = 0; round < Math.max(rounds, 10); round++) networks.push(await openAndClose())

const ratio = median(ours) / median(byHand)
console.log(`
                                        median
by hand, to ssh root@guest true     ${seconds(median(byHand)).padStart(10)}
ours, cold, to a connected client   ${seconds(median(ours)).padStart(10)}   ${ratio.toFixed(2)} x by hand
keeper, bridge and TAP              ${milliseconds(median(networks)).padStart(10)}

phases of ours`)
for (const [name, durations] of phases) console.log(`  ${name.padEnd(33)} ${seconds(median(durations)).padStart(10)}`)
console.log(JSON.stringify({ accel, rounds, byHand, ours, ratio, networks, phases: Object.fromEntries(phases) }))

async function bootOurs(): Promise<number> {
  const startedAt = performance.now()
  await using guest = await bootGuest()
  const elapsed = performance.now() - startedAt
  for (const { name, durationMs } of guest.phases) phases.set(name, [...(phases.get(name) ?? []), durationMs])
  return elapsed
}

async function openAndClose(): Promise<number> {
  const startedAt = performance.now()
  await using network = await openNetwork()
  await using _tap = await network.addTap()
  return performance.now() - startedAt
}

function seconds(ms = Number.NaN): string {
  return `${(ms / 1000).toFixed(2)} s`
}

function milliseconds(ms: number): string {
  return `${ms.toFixed(0)} ms`
}
