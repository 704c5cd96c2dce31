/**
 * `npm run bench`: what a guest costs by hand, with us, and at the least, side by side in one run, as medians and ratios.
 *
 * Arguments: what to measure, of `starts fresh memory endurance files traffic networks` (all), `--rounds N` (3), and `--clones N`
 * (200) for endurance. What is measured replaces its part of docs/bench.json; the chart docs/bench.svg is drawn from the starts.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
// The package as it is published: from source, Node would strip the keeper's types first.
import { bootGuest } from 'vitest-guest/core'
import { chooseAccelerator } from '../src/host/accelerator.ts'
import { qemuVersion } from '../src/host/qemu-version.ts'
import { resolveImage } from '../src/image/resolve-image.ts'
import { chart } from './chart.ts'
import { measureEndurance } from './endurance.ts'
import { measureFiles } from './files.ts'
import { measureFresh } from './fresh.ts'
import { measureMemory } from './memory.ts'
import { table, type Results } from './report.ts'
import { measureSetUps } from './set-ups.ts'
import { measureStarts } from './starts.ts'
import { measureTraffic } from './traffic.ts'

const JSON_FILE = new URL('../docs/bench.json', import.meta.url)
const CHART_FILE = new URL('../docs/bench.svg', import.meta.url)
const PARTS = ['starts', 'fresh', 'memory', 'endurance', 'files', 'traffic', 'networks'] as const

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '3' }, clones: { type: 'string', default: '200' } },
})
const parts = positionals.length > 0 ? positionals : [...PARTS]
const unknown = parts.find((part) => !(PARTS as readonly string[]).includes(part))
if (unknown !== undefined) throw new TypeError(`There is no part '${unknown}', only ${PARTS.join(', ')}`)
const rounds = Number(values.rounds)

const { accel, reason } = await chooseAccelerator('auto')
console.log(`Measuring ${parts.join(', ')} on ${accel} (${reason})`)
const image = await resolveImage({ base: 'debian-12', packages: [] }, { onProgress: console.log })
await (await bootGuest({ onProgress: console.log }))[Symbol.asyncDispose]()

const measured: Results = {
  accel,
  cpus: availableParallelism(),
  qemu: await qemuVersion(),
  measuredAt: new Date().toISOString(),
}
if (parts.includes('starts')) measured.starts = await measureStarts(image, accel, rounds)
if (parts.includes('fresh')) measured.fresh = await measureFresh(image, accel, rounds)
if (parts.includes('memory')) measured.memory = await measureMemory()
if (parts.includes('endurance')) measured.endurance = await measureEndurance(Number(values.clones))
if (parts.includes('files')) measured.files = await measureFiles(rounds)
if (parts.includes('traffic')) measured.traffic = await measureTraffic(image, accel, rounds)
if (parts.includes('networks')) measured.networks = await measureSetUps(rounds)

// First of all, as measuring has taken half an hour.
console.log(JSON.stringify(measured))
const results: Results = { ...earlier(), ...measured }
writeFileSync(JSON_FILE, `${JSON.stringify(results, null, 2)}\n`)
if (results.starts) writeFileSync(CHART_FILE, chart(results))
console.log(`\n${table(results)}\n`)

function earlier(): Partial<Results> {
  try {
    return JSON.parse(readFileSync(JSON_FILE, 'utf8')) as Results
  } catch {
    return {}
  }
}
