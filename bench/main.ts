/**
 * `npm run bench`: what a guest costs by hand, with this package, and at the least, as medians and ratios.
 *
 * Arguments: what to measure, of `starts fresh memory endurance files traffic networks images layers` (all), `--rounds N` (5), and `--clones N`
 * (200) for endurance. What is measured replaces its part of docs/bench.json, with the moment and the commit; the chart docs/bench.svg
 * is drawn from the starts. Exits 1, after all of that, when endurance has found something that failed or grew.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
// The package as it is published: from source, Node would strip the keeper's types first.
import { bootGuest } from 'vitest-guest/core'
import { chooseAccelerator } from '../src/accelerator/accelerator.ts'
import { qemuVersion } from '../src/host/program/qemu-version.ts'
import { resolveImage } from '../src/image/resolve-image.ts'
import { chart } from './chart.ts'
import { complaints } from './complaints.ts'
import { measureEndurance } from './endurance.ts'
import { measureFiles } from './files.ts'
import { measureFresh } from './fresh.ts'
import { measureImages } from './images.ts'
import { measureLayers } from './layers.ts'
import { measured } from './measurement.ts'
import { measureMemory } from './memory.ts'
import { table, type Parts, type Results } from './report.ts'
import { measureSetUps } from './set-ups.ts'
import { measureStarts } from './starts.ts'
import { measureTraffic } from './traffic.ts'

const JSON_FILE = new URL('../docs/bench.json', import.meta.url)
const CHART_FILE = new URL('../docs/bench.svg', import.meta.url)
const PARTS = [
  'starts',
  'fresh',
  'memory',
  'endurance',
  'files',
  'traffic',
  'networks',
  'images',
  'layers',
] as const satisfies (keyof Parts)[]

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '5' }, clones: { type: 'string', default: '200' } },
})
const parts = positionals.length > 0 ? positionals : [...PARTS]
const unknown = parts.find((part) => !(PARTS as readonly string[]).includes(part))
if (unknown !== undefined) throw new TypeError(`Unknown part '${unknown}'; parts: ${PARTS.join(', ')}`)
const rounds = Number(values.rounds)

const { accel, reason } = await chooseAccelerator('auto')
console.log(`Measuring ${parts.join(', ')} on ${accel} (${reason})`)
const image = await resolveImage({ base: 'debian-12', packages: [] }, { onProgress: console.log })
// A download needs no guest.
if (parts.some((part) => part !== 'images')) {
  await (await bootGuest({ onProgress: console.log }))[Symbol.asyncDispose]()
}

const now: Results = { accel, cpus: availableParallelism(), qemu: await qemuVersion() }
const chosen = (part: keyof Parts) => parts.includes(part)
if (chosen('starts')) keep('starts', await measured(() => measureStarts(image, accel, rounds), rounds))
if (chosen('fresh')) keep('fresh', await measured(() => measureFresh(image, accel, rounds), rounds))
if (chosen('memory')) keep('memory', await measured(measureMemory))
if (chosen('endurance')) keep('endurance', await measured(() => measureEndurance(image, Number(values.clones))))
if (chosen('files')) keep('files', await measured(() => measureFiles(rounds), rounds))
if (chosen('traffic')) keep('traffic', await measured(() => measureTraffic(image, accel, rounds), rounds))
if (chosen('images')) keep('images', await measured(() => measureImages(rounds), rounds))
if (chosen('layers')) keep('layers', await measured(() => measureLayers(rounds), rounds))
if (chosen('networks')) keep('networks', await measured(() => measureSetUps(rounds), rounds))

console.log(`\n${table({ ...earlier(), ...now })}\n`)
const wrong = now.endurance ? complaints(now.endurance) : []
if (wrong.length > 0) {
  console.error(`Endurance: ${wrong.join('; ')}`)
  process.exitCode = 1
}

/** At once, because the next part may take half an hour, or fail. */
function keep<Part extends keyof Parts>(part: Part, result: Results[Part]): void {
  now[part] = result
  console.log(JSON.stringify({ [part]: result }))
  const results = { ...earlier(), ...now }
  writeFileSync(JSON_FILE, `${JSON.stringify(results, null, 2)}\n`)
  if (results.starts) writeFileSync(CHART_FILE, chart(results))
}

function earlier(): Partial<Results> {
  try {
    return JSON.parse(readFileSync(JSON_FILE, 'utf8')) as Results
  } catch {
    return {}
  }
}
