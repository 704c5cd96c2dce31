import { expect, test } from 'vitest'
import { runProject } from '../support/run-project.ts'

test('forks: two workers have a guest each, at the same address at the same time, and cannot see each other', async () => {
  const { report, left, stdout } = await runProject('two-workers', ['--pool', 'forks', '--maxWorkers', '2'])
  expect(report, stdout).toMatchObject({ success: true, numPassedTests: 2 })
  expect(left).toEqual([])
})

test.for([
  ['threads', 7, []],
  // In these pools only the context of a file differs.
  ['vmForks', 2, ['-t', 'override|derived']],
  ['vmThreads', 2, ['-t', 'override|derived']],
] as const)('%s: fixtures, override, derived tests, one guest', async ([pool, tests, args]) => {
  const { report, left, stdout } = await runProject('one-file', ['--pool', pool, ...args])
  expect(report, stdout).toMatchObject({ success: true, numPassedTests: tests })
  expect(left).toEqual([])
})

test('threads without isolation: the files of a worker share a guest', async () => {
  const args = ['--pool', 'threads', '--no-isolate', '--maxWorkers', '1']
  const { report, left, stdout, stderr } = await runProject('shared', args)
  expect(report, stdout).toMatchObject({ success: true, numPassedTests: 2 })
  expect(stderr).toContain('saw 1 marker(s)')
  expect(stderr).toContain('saw 2 marker(s)')
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
