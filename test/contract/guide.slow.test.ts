import { readdir } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { runProject } from '../support/run-project.ts'

test('the suites of the guide pass, as docs/guide.md shows them', async () => {
  const files = await readdir(fileURLToPath(new URL('../../examples/guide', import.meta.url)))
  const { report, stdout, stderr, left } = await runProject('../../examples/guide', [])
  expect(report.success, stdout + stderr).toBe(true)
  expect(report.testResults).toHaveLength(files.filter((name) => name.endsWith('.test.ts')).length)
  expect(left).toEqual([])
})
