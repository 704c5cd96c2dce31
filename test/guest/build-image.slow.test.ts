import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type OrdinaryUser, ordinaryUser } from '../support/ordinary-user.ts'
import { copyDefaultTemplate } from '../support/default-template.ts'
import { processesNaming } from '../support/leftovers.ts'
import { runProject } from '../support/run-project.ts'

const PROGRAM = fileURLToPath(new URL('./programs/build-image.ts', import.meta.url))

let somebody: OrdinaryUser
let cache: string

beforeAll(async () => {
  somebody = await ordinaryUser()
  cache = join(somebody.home, 'cache')
})
afterAll(() => somebody[Symbol.asyncDispose]())

// These tests depend on one another: the first fills the cache.
test('an image with more packages is built without root, by one of two processes that want it', async () => {
  const build = () => {
    const [file, ...args] = somebody.as([process.execPath, PROGRAM])
    return execa(file, args, { env: { VITEST_GUEST_CACHE: cache, HOME: somebody.home, TMPDIR: somebody.home } })
  }
  const said = (await Promise.all([build(), build()])).map(({ stderr }) => stderr)
  expect(
    said.filter((text) => /installing/.test(text)),
    said.join('\n---\n'),
  ).toHaveLength(1)
  expect(
    said.filter((text) => /waiting for process \d+, which is building debian-12 \+ keepalived/.test(text)),
  ).toHaveLength(1)
  expect(processesNaming(somebody.home)).toEqual([])
})

test('it boots: the example with three guests and a failover passes', async () => {
  const { report, stdout, stderr, left } = await runProject('../../examples/failover', [], {
    VITEST_GUEST_CACHE: cache,
  })
  expect(report.success, stdout + stderr).toBe(true)
  expect(report.numPassedTests).toBe(2)
  expect(stderr).not.toContain('installing')
  expect(left).toEqual([])
})

test("the guide's matrix: a suite in each of two images, in one run", async () => {
  await copyDefaultTemplate(cache)
  const { report, stdout, stderr, left } = await runProject('../../examples/guide', ['--config', 'matrix.config.ts'], {
    VITEST_GUEST_CACHE: cache,
  })
  expect(report.success, stdout + stderr).toBe(true)
  expect(report.numPassedTests).toBe(4)
  for (const project of ['plain', 'with-keepalived']) expect(stdout).toMatch(new RegExp(`\\b${project}\\b`))
  // Both have the template that they need, one of them from the test before.
  expect(stderr).not.toMatch(/installing|built in/)
  expect(left).toEqual([])
})
