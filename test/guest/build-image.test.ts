import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type OrdinaryUser, ordinaryUser } from '../support/ordinary-user.ts'
import { processesNaming } from '../support/leftovers.ts'

const PROGRAM = fileURLToPath(new URL('./programs/nginx.ts', import.meta.url))

let somebody: OrdinaryUser
beforeAll(async () => {
  somebody = await ordinaryUser()
})
afterAll(() => somebody[Symbol.asyncDispose]())

test('an image with more packages: built without root, by one of two who want it, and booted', async () => {
  const cache = join(somebody.home, 'cache')
  const boot = (task: string) => {
    const [file, ...args] = somebody.as([process.execPath, PROGRAM, task])
    return execa(file, args, { env: { VITEST_GUEST_CACHE: cache, HOME: somebody.home, TMPDIR: somebody.home } })
  }
  const [one, other] = await Promise.all([boot('boot'), boot('build')])
  const said = [one.stderr, other.stderr]
  expect(
    said.filter((text) => /installing/.test(text)),
    said.join('\n---\n'),
  ).toHaveLength(1)
  expect(
    said.filter((text) => /waiting for process \d+, which is building debian-12 \+ nginx/.test(text)),
  ).toHaveLength(1)
  expect(one.stdout).toBe('hello')
  expect(processesNaming(somebody.home)).toEqual([])
})
