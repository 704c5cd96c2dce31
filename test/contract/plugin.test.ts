import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { leftoversAfter, ownTemporaryFolder } from '../support/leftovers.ts'

const VITEST = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))

// plugin.slow.test.ts tests how its templates are built.
async function vitest(project: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
  await using folder = await ownTemporaryFolder()
  const root = fileURLToPath(new URL(project, import.meta.url))
  const { exitCode, stdout, stderr } = await execa(process.execPath, [VITEST, '--run', '--root', root, ...args], {
    env: { ...env, TMPDIR: folder.path, NO_COLOR: '1' },
    reject: false,
  })
  return { exitCode, stdout, stderr, left: await leftoversAfter(folder.path) }
}

test('a project with the plugin, beside one without: its guest is a clone of a template that is there', async () => {
  const { exitCode, stdout, stderr, left } = await vitest('plugin-projects', ['--project=right', '--project=none'])
  expect(exitCode, stdout + stderr).toBe(0)
  expect(stdout).toMatch(/Tests +2 passed/)
  expect(left).toEqual([])
})

test('a bad option ends the run before anything starts', async () => {
  const { exitCode, stdout, stderr } = await vitest('plugin', [], { MORE_GUEST_OPTIONS: '{ "memory": "much" }' })
  expect(exitCode).toBe(1)
  expect(stderr).toContain("Option `memory` must be a size with its unit, such as '512M' or '2G'; got 'much'")
  expect(stdout + stderr).not.toContain('a worker has started')
})

test('what cannot be built fails the run with one error, and no test starts', async () => {
  const options = { image: '/nowhere/disk.qcow2' }
  const { exitCode, stdout, stderr } = await vitest('plugin', [], { MORE_GUEST_OPTIONS: JSON.stringify(options) })
  expect(exitCode).toBe(1)
  expect(stderr.match(/^ImageError: /gm), stderr).toHaveLength(1)
  expect(stderr).toContain('/nowhere/disk.qcow2')
  expect(stdout + stderr).not.toContain('a worker has started')
})
