import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { leftoversAfter, ownTemporaryFolder } from '../support/leftovers.ts'

const programOf = (name: string) => fileURLToPath(new URL(`programs/${name}.ts`, import.meta.url))
/** Milliseconds; long enough for everything slow, and much shorter than for ever. */
const BUDGET = 300_000

test.for([
  { runner: 'a plain script', name: 'forget', args: [], place: /forget\.ts:4:\d+/ },
  { runner: 'node:test', name: 'forget-in-a-test', args: ['--test'], place: /forget-in-a-test\.ts:6:\d+/ },
])('$runner that forgets its guest ends when its work is done', async ({ name, args, place }) => {
  await using folder = await ownTemporaryFolder()
  const { all, exitCode } = await execa(process.execPath, [...args, programOf(name)], {
    env: { TMPDIR: folder.path },
    reject: false,
    all: true,
    timeout: BUDGET,
  })
  expect(exitCode, all).toBe(0)
  if (name === 'forget') for (const line of ['by exec', 'by ssh2', 'waited']) expect(all).toContain(line)
  const warnings = all.match(/Guest guest, which was started at .* was never disposed of; it ends with this process/g)
  expect(warnings, all).toEqual([expect.stringMatching(place)])
  expect(await leftoversAfter(folder.path, 10_000)).toEqual([])
})
