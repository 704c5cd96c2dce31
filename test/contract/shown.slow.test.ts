import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runProject } from '../support/run-project.ts'

let folder: string
let run: Awaited<ReturnType<typeof runProject>>
/** The parts of the output about one test. */
const shown = (title: string) =>
  run.stderr
    .split(/⎯\[\d+\/\d+\]⎯/)
    .filter((part) => part.includes(`shown.suite.ts > ${title}\n`))
    .join('\n')

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vg-shown-'))
  const inside = (command: readonly string[]) => ['env', '-C', folder, ...command]
  run = await runProject('shown', [], { NO_COLOR: '1' }, { inside })
})
afterAll(() => rm(folder, { recursive: true, force: true }))

test('those that shall fail do, and a panic that a test waited for is no failure', () => {
  expect(run.report, run.stdout + run.stderr).toMatchObject({ numPassedTests: 2, numFailedTests: 4 })
})

test('the journal is cut where the test began, whatever it does to the clock', () => {
  const text = shown('sets the clock back')
  expect(text).toContain(': of the second test')
  expect(text).not.toContain(': of the first test')
  expect(shown('waits too long')).not.toContain(': of the second test')
})

test('and where the guest was taken back to a snapshot', () => {
  const text = shown('is taken back')
  expect(text).toContain(': after it was restored')
  expect(text).not.toContain(': of the first test')
})

test('a time-out says what was waited for, for how long, what was seen, and leads to the line', () => {
  const text = shown('waits too long')
  expect(text).toMatch(
    /the test is waiting:\n {2}\| \d+\.\d s for \/run\/never to exist \(\d+ attempts?; last result: no such file\), at .*shown\.suite\.ts:24:\d+\n/,
  )
  expect(text).toMatch(/❯ shown\.suite\.ts:24:\d+/)
})

test('nothing that a guest said reaches the terminal as it was, nor the files of evidence', async () => {
  const text = shown('says what a terminal would obey')
  for (const place of [
    'stdout:',
    'stderr:',
    'console:',
    'since the test began:',
    'to end with exit code 0',
    '"plain"',
  ]) {
    expect(text).toContain(place)
  }
  expect(text.match(/\\x1b\]0;title\\x07/g)).toHaveLength(4)
  // What journalctl prints for binary data.
  expect(text).toContain('B blob data]')
  const parent = join(folder, 'test-results', 'guests')
  const logs = (await readdir(parent, { recursive: true })).filter((name) => /\.(log|txt)$/.test(name))
  const files = await Promise.all(logs.map((name) => readFile(join(parent, name), 'utf8')))
  expect(files.length).toBeGreaterThan(4)
  for (const each of [run.stdout, run.stderr, ...files]) {
    expect(each.match(/(?!\n|\t)\p{Cc}/gu)).toBeNull()
  }
})
