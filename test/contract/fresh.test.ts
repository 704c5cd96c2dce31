import { expect, test } from 'vitest'
import { runProject } from '../support/run-project.ts'

test.for([
  ['on', 3, 'third', []],
  // A third has nothing to show that the second has not: none is there before it is asked for.
  ['off', 2, 'second', ['-t', 'first|second']],
] as const)('fresh: test, standby %s: no test finds what another one left', async ([standby, tests, last, args]) => {
  const { report, left, stdout, stderr } = await runProject('fresh', args, { STANDBY: standby })
  expect(report, stdout).toMatchObject({ success: true, numPassedTests: tests })
  expect(stderr).toContain(`${last}: ${tests} machine(s) so far`)
  expect(left).toEqual([])
})

test('fresh: test and test.concurrent, and without isolation another file with other options: a clear refusal of each', async () => {
  const args = ['--no-isolate', '--maxWorkers', '1']
  const { report, left, stdout, stderr } = await runProject('fresh-concurrent', args)
  expect(report, stdout).toMatchObject({ success: false, numPassedTests: 1, numFailedTests: 2 })
  expect(stderr).toContain("With fresh: 'test' there is one machine at a time, and another test is using it")
  expect(stderr).toContain('no test.concurrent')
  expect(stderr).toContain('The guest of this worker was made for other guestOptions, which are those of another file')
  expect(left).toEqual([])
})
