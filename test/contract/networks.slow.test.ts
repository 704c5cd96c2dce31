import { expect, test } from 'vitest'
import { copyDefaultTemplate } from '../support/default-template.ts'
import { ownTemporaryFolder } from '../support/leftovers.ts'
import { runProject } from '../support/run-project.ts'

interface Assertion {
  title: string
  status: string
  failureMessages: string[]
}

test('guests of fixtures on several networks, with a router between them: clones, with guard and evidence', async () => {
  await using cache = await ownTemporaryFolder()
  // With the default guest's template, and none with several cards.
  await copyDefaultTemplate(cache.path)
  const { report, left, stdout, stderr } = await runProject('networks', [], { VITEST_GUEST_CACHE: cache.path })
  const built = [...stderr.matchAll(/512 MiB, (client|router): built in/g)]
  expect(built.map(([, name]) => name).sort(), stderr).toEqual(['client', 'router'])
  for (const { index } of built) expect(index).toBeLessThan(stderr.indexOf('a worker has started'))
  const results = (report.testResults as { assertionResults: Assertion[] }[]).flatMap((file) => file.assertionResults)
  const failed = new Map(
    results.filter(({ status }) => status === 'failed').map((each) => [each.title, each.failureMessages.join('\n')]),
  )
  expect([...failed.keys()].sort(), stdout).toEqual(['one in which a program crashes in the router', 'one that fails'])
  expect(results).toHaveLength(5)
  expect(failed.get('one that fails')).toMatch(/guest router at 10\.1\.0\.2: [^]*echo asked router/)
  const crash = failed.get('one in which a program crashes in the router') ?? ''
  expect(crash).toMatch(/^GuestError: A program crashed in the guest: /m)
  expect(crash).toContain('guest router at')
  expect(crash).not.toContain('guest client at')
  expect(left).toEqual([])
})
