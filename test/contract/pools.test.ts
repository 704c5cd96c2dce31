import { expect, test } from 'vitest'
import { runProject } from '../support/run-project.ts'

// pools.slow.test.ts tests the other pools, and a guest that a test reboots.
test('forks: fixtures, override, derived tests, one guest', async () => {
  const { report, left, stdout } = await runProject('one-file', ['-t', 'override|derived|network|client|connected one'])
  expect(report, stdout).toMatchObject({ success: true, numPassedTests: 5 })
  expect(left).toEqual([])
})
