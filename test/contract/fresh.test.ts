import { expect, test } from 'vitest'
import { runProject } from '../support/run-project.ts'

// Without a standby, and what is refused: fresh.slow.test.ts.
test('fresh: test, with a standby: no test finds what another one left', async () => {
  const { report, left, stdout, stderr } = await runProject('fresh', [], { STANDBY: 'on' })
  expect(report, stdout).toMatchObject({ success: true, numPassedTests: 3 })
  expect(stderr).toContain('third: 3 machine(s) so far')
  expect(left).toEqual([])
})

test('fresh: test and a beforeAll that sets a guest up: an error, as the second test would have nothing of it', async () => {
  const { report, left, stdout, stderr } = await runProject('fresh-before-all', [])
  expect(report, stdout).toMatchObject({ success: false, numPassedTests: 0 })
  expect(stderr).toContain("With fresh: 'test' there is no guest outside of a test, as in beforeAll")
  expect(stderr).toContain("set it up in beforeEach, or share one with fresh: 'worker'")
  expect(left).toEqual([])
})
