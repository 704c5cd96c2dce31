import { expect, test } from 'vitest'
import { runProject } from '../support/run-project.ts'

test('of a log of thousands of lines vitest prints the end', async () => {
  const { report, stdout, stderr } = await runProject('long-errors', [])
  expect(report.numFailedTests).toBe(2)
  const lines = `${stdout}\n${stderr}`.split('\n')
  expect(lines.join('\n')).toContain('The image debian-12 with pakage could not be built')
  expect(lines.filter((line) => line.includes('line 3999 of the log')).length).toBeGreaterThan(1)
  expect(lines.length).toBeLessThan(250)
  expect(Math.max(...lines.map((line) => line.length))).toBeLessThan(4000)
  // Machine-readable reports are limited as well.
  expect(JSON.stringify(report).length).toBeLessThan(40_000)
})
