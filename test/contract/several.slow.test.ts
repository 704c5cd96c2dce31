import { expect, test } from 'vitest'
import { runProject } from '../support/run-project.ts'

interface Assertion {
  title: string
  status: string
  failureMessages: string[]
}

test('several guests: by their names, and each tells what it knows of a failure', async () => {
  const { report, left, stdout } = await runProject('several', [])
  const results = (report.testResults as { assertionResults: Assertion[] }[]).flatMap((file) => file.assertionResults)
  const failed = new Map(
    results.filter(({ status }) => status === 'failed').map((each) => [each.title, each.failureMessages.join('\n')]),
  )
  expect([...failed.keys()].sort(), stdout).toEqual(['one in which a program crashes in the second', 'one that fails'])
  expect(results).toHaveLength(4)
  const shown = failed.get('one that fails') ?? ''
  expect(shown).toMatch(/guest web at 192\.168\.100\.224: [^]*echo asked web/)
  expect(shown).toMatch(/guest db at 192\.168\.100\.225: [^]*echo asked db/)
  const folders = [...shown.matchAll(/^evidence: (.*)$/gm)].map(([, folder = '']) => folder)
  expect(new Set(folders).size).toBe(2)
  const crash = failed.get('one in which a program crashes in the second') ?? ''
  expect(crash).toMatch(/^GuestError: A program crashed in the guest: /m)
  expect(crash).toContain('guest db at')
  expect(crash).not.toContain('guest web at')
  expect(left).toEqual([])
})
