import { expect, test } from 'vitest'
import { runProject } from '../support/run-project.ts'

// Without a standby, and what is refused: fresh.slow.test.ts.
test('fresh: test, with a standby: no test finds what another one left', async () => {
  const { report, left, stdout, stderr } = await runProject('fresh', ['-t', 'first|second'], { STANDBY: 'on' })
  expect(report, stdout).toMatchObject({ success: true, numPassedTests: 2 })
  expect(stderr).toContain('second: 2 machine(s) so far')
  expect(left).toEqual([])
})
