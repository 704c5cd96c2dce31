import { expect, test } from 'vitest'
import { runProject } from '../support/run-project.ts'

// The other kinds of network: kinds.slow.test.ts.
test('fixtures on a private network: files, servers, OpenSSH, captures, snapshots', async () => {
  const { report, stdout, left } = await runProject('kinds', [], { KIND: 'private' })
  expect(report, stdout).toMatchObject({ success: true, numPassedTests: 9 })
  expect(left).toEqual([])
})
