import { expect, test } from 'vitest'
import { runProject } from '../support/run-project.ts'

test('the example of three guests, one of which takes over from another, passes', async () => {
  const { report, stdout, stderr, left } = await runProject('../../examples/failover', [])
  expect(report.success, stdout + stderr).toBe(true)
  expect(report.numPassedTests).toBe(2)
  expect(left).toEqual([])
})
