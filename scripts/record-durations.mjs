// `node scripts/record-durations.mjs REPORT`: takes the seconds of each test file in vitest's JSON report over into
// test/support/durations/seconds.json, which orders the files of the next run.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import { argv } from 'node:process'
import { fileURLToPath } from 'node:url'
import { secondsOf } from './summary.mjs'

const root = fileURLToPath(new URL('..', import.meta.url))
const file = fileURLToPath(new URL('../test/support/durations/seconds.json', import.meta.url))

/** @type {Record<string, number>} */
const known = JSON.parse(readFileSync(file, 'utf8'))
/** @type {Parameters<typeof secondsOf>[0]} */
const report = JSON.parse(readFileSync(argv[2] ?? '', 'utf8'))
for (const [path, seconds] of secondsOf(report)) known[relative(root, path)] = Math.ceil(seconds)

const there = Object.entries(known).filter(([path]) => existsSync(`${root}/${path}`))
const sorted = there.sort(([a, one], [b, other]) => other - one || a.localeCompare(b))
writeFileSync(file, `${JSON.stringify(Object.fromEntries(sorted), null, 2)}\n`)
console.log(`${sorted.length} files in ${relative(root, file)}`)
