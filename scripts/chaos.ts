// `npm run test:chaos -- --strikes N`: kills runners N times as each user, at random moments; without a number as often as `test:all`.
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { startVitest } from 'vitest/node'

const { values } = parseArgs({ options: { strikes: { type: 'string' } } })
if (values.strikes !== undefined) {
  if (!/^[1-9]\d*$/.test(values.strikes)) throw new Error(`--strikes takes a number, got '${values.strikes}'`)
  process.env['STRIKES'] = values.strikes
}

const root = fileURLToPath(new URL('..', import.meta.url))
const vitest = await startVitest('test', [], { root, project: ['chaos'], run: true, watch: false })
await vitest.close()
