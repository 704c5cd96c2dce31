// `npm run test:durations`: copies the seconds of each test file in the last run to test/support/durations/seconds.json, which orders
// the files of the next one.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'

process.chdir(new URL('..', import.meta.url).pathname)
const RECORDED = 'test/support/durations/seconds.json'

/** @param {string} path @returns {Record<string, number>} */
const read = (path) => JSON.parse(readFileSync(path, 'utf8'))
const seconds = Object.entries({ ...read(RECORDED), ...read('test-results/durations.json') })
  .filter(([path]) => existsSync(path))
  .map(([path, each]) => /** @type {const} */ ([path, Math.ceil(each)]))
  .sort(([a, one], [b, other]) => other - one || a.localeCompare(b))
writeFileSync(RECORDED, `${JSON.stringify(Object.fromEntries(seconds), null, 2)}\n`)
console.log(`${seconds.length} files in ${RECORDED}`)
