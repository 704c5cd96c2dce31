import { expect, test } from 'vitest'
import { runProject } from '../support/run-project.ts'

interface Assertion {
  title: string
  status: string
  failureMessages: string[]
}

test('guests that tests start themselves: none beside them, and evidence and guard for each', async () => {
  const { report, left, stdout } = await runProject('own-guests', [])
  const results = (report.testResults as { assertionResults: Assertion[] }[]).flatMap((file) => file.assertionResults)
  const messages = Object.fromEntries(results.map((each) => [each.title, each.failureMessages.join('\n')]))
  const failed = results.filter(({ status }) => status === 'failed').map(({ title }) => title)
  expect(failed, stdout).toEqual([
    'fails with a guest of its own',
    'a program crashes in one that is disposed',
    'a kernel panics in one that is not',
  ])
  // Including a guest that was disposed of before the end of the test.
  expect(messages['fails with a guest of its own']).toMatch(
    /guest own at [^]*echo asked own[^]*the disk is nearly full/,
  )
  expect(messages['a program crashes in one that is disposed']).toMatch(
    /^GuestError: A program crashed in the guest: [^]*guest crashed at /m,
  )
  expect(messages['a kernel panics in one that is not']).toMatch(/The guest's kernel panicked: [^]*guest panicked at /)
  expect(messages['a kernel panics in one that is not']).toContain('end of the journal on its disk:')
  for (const title of failed) expect(messages[title]).not.toMatch(/guest (guest|good) at/)
  const folders = failed.map((title) => /^evidence: (.*)$/m.exec(messages[title] ?? '')?.[1])
  expect(new Set(folders).size).toBe(3)
  expect(left).toEqual([])
})
