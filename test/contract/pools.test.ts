import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { leftovers, ownTemporaryFolder } from '../support/leftovers.ts'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const VITEST = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))

interface Report {
  success: boolean
  numPassedTests: number
  numFailedTests: number
}

/** A real vitest on a small project; returns its report, and what it wrote to stderr. */
async function runProject(project: string, args: readonly string[]) {
  await using folder = await ownTemporaryFolder()
  const root = join(HERE, project)
  const outputFile = join(folder.path, 'report.json')
  const { stdout, stderr } = await execa(
    process.execPath,
    [
      VITEST,
      'run',
      '--root',
      root,
      '--reporter',
      'default',
      '--reporter',
      'json',
      `--outputFile=${outputFile}`,
      ...args,
    ],
    { env: { TMPDIR: folder.path }, reject: false },
  )
  const report = JSON.parse(await readFile(outputFile, 'utf8')) as Report
  return { report, stdout, stderr, left: leftovers(folder.path) }
}

test('forks: two workers have a guest each, at the same address at the same time, and cannot see each other', async () => {
  const { report, left, stdout } = await runProject('two-workers', ['--pool', 'forks', '--maxWorkers', '2'])
  expect(report, stdout).toMatchObject({ success: true, numPassedTests: 2 })
  expect(left).toEqual([])
})

test.for(['threads', 'vmForks', 'vmThreads'])('%s: fixtures, override, derived tests, one guest', async (pool) => {
  const { report, left, stdout } = await runProject('one-file', ['--pool', pool])
  expect(report, stdout).toMatchObject({ success: true, numPassedTests: 5 })
  expect(left).toEqual([])
})

test.for(['forks', 'threads'])('%s without isolation: the files of a worker share a guest', async (pool) => {
  const args = ['--pool', pool, '--no-isolate', '--maxWorkers', '1']
  const { report, left, stdout, stderr } = await runProject('shared', args)
  expect(report, stdout).toMatchObject({ success: true, numPassedTests: 2 })
  expect(stderr).toContain('saw 1 marker(s)')
  expect(stderr).toContain('saw 2 marker(s)')
  expect(left).toEqual([])
})
