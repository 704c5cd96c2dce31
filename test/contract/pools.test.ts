import { expect, test } from 'vitest'
import { runProject } from '../support/run-project.ts'

// The other pools, and a guest that a test reboots: pools.slow.test.ts.
test('forks: fixtures, override, derived tests, one guest', async () => {
  const { report, left, stdout } = await runProject('one-file', ['-t', 'override|derived|network|client|live one'])
  expect(report, stdout).toMatchObject({ success: true, numPassedTests: 5 })
  expect(left).toEqual([])
})

test('forks without isolation: the files of a worker share a guest', async () => {
  const args = ['--pool', 'forks', '--no-isolate', '--maxWorkers', '1']
  const { report, left, stdout, stderr } = await runProject('shared', args)
  expect(report, stdout).toMatchObject({ success: true, numPassedTests: 2 })
  expect(stderr).toContain('saw 1 marker(s)')
  expect(stderr).toContain('saw 2 marker(s)')
  expect(left).toEqual([])
})
