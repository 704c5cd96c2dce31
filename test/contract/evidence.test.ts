import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'

const VITEST = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))

let folder: string
let reports: Record<string, string>
/** The folders of evidence, and what is in each. */
let evidence: Record<string, string[]>

/** One run with all reporters at once, in a folder of its own. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vg-evidence-'))
  const onScreen = ['default', 'verbose', 'github-actions'].map((name) => `--reporter=${name}`)
  const inFiles = ['json', 'junit', 'html'].flatMap((name) => [
    `--reporter=${name}`,
    `--outputFile.${name}=${join(folder, name, 'index.html')}`,
  ])
  const root = fileURLToPath(new URL('failures', import.meta.url))
  const { stdout } = await execa(process.execPath, [VITEST, 'run', '--root', root, ...onScreen, ...inFiles], {
    cwd: folder,
    env: { NO_COLOR: '1' },
    reject: false,
    stripFinalNewline: false,
  })
  const read = (name: string) => readFile(join(folder, name, 'index.html'), 'utf8')
  reports = { screen: stdout, json: await read('json'), junit: await read('junit') }
  const guests = join(folder, 'test-results', 'guests')
  evidence = {}
  for (const name of await readdir(guests)) evidence[name] = (await readdir(join(guests, name))).sort()
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('all that should fail did, and nothing else', () => {
  const { testResults } = JSON.parse(reports['json'] ?? '') as {
    testResults: { assertionResults: { title: string; status: string }[] }[]
  }
  const failed = testResults
    .flatMap(({ assertionResults }) => assertionResults)
    .filter(({ status }) => status === 'failed')
  expect(failed.map(({ title }) => title)).toEqual([
    'a command fails',
    'a matcher fails',
    'takes too long',
    'a program crashes',
    'the guest dies',
  ])
})
