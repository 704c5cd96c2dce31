import { expect, test } from 'vitest'
import { runProject } from '../support/run-project.ts'

test('fresh: test, without a standby: no test finds what another one left', async () => {
  const { report, left, stdout, stderr } = await runProject('fresh', ['-t', 'first|second'], { STANDBY: 'off' })
  expect(report, stdout).toMatchObject({ success: true, numPassedTests: 2 })
  expect(stderr).toContain('second: 2 machine(s) so far')
  expect(left).toEqual([])
})

test('fresh: test and test.concurrent, and without isolation another file with other options: a clear refusal of each', async () => {
  const args = ['--no-isolate', '--maxWorkers', '1']
  const { report, left, stdout, stderr } = await runProject('fresh-concurrent', args)
  expect(report, stdout).toMatchObject({ success: false, numPassedTests: 1, numFailedTests: 2 })
  expect(stderr).toContain("With fresh: 'test' there is one guest at a time, and another test is using it")
  expect(stderr).toContain('no test.concurrent')
  expect(stderr).toContain('The guest of this worker was started with different guestOptions, by another file')
  expect(left).toEqual([])
})

test('fresh: test and a beforeAll that sets a guest up: an error, as the second test would have nothing of it', async () => {
  const { report, left, stdout, stderr } = await runProject('fresh-before-all', [])
  expect(report, stdout).toMatchObject({ success: false, numPassedTests: 0 })
  expect(stderr).toContain("With fresh: 'test' there is no guest outside of a test, for example in beforeAll")
  expect(stderr).toContain("set it up in beforeEach, or share one with fresh: 'worker'")
  expect(left).toEqual([])
})

test('fresh: test, with a standby: no test finds what another one left', async () => {
  const { report, left, stdout, stderr } = await runProject('fresh', ['-t', 'first|second'], { STANDBY: 'on' })
  expect(report, stdout).toMatchObject({ success: true, numPassedTests: 2 })
  expect(stderr).toContain('second: 2 machine(s) so far')
  expect(left).toEqual([])
})
