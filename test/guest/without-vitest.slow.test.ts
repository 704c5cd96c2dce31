import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { leftovers, ownTemporaryFolder } from '../support/leftovers.ts'

const program = (name: string) => fileURLToPath(new URL(`./programs/${name}`, import.meta.url))

test('a plain script boots a guest, and ends by itself', async () => {
  await using folder = await ownTemporaryFolder()
  const { stdout } = await execa(process.execPath, [program('script.ts')], { env: { TMPDIR: folder.path } })
  expect(stdout).toBe('guest')
  expect(leftovers(folder.path)).toEqual([])
})

test('node:test boots a guest in before() and disposes of it in after()', async () => {
  await using folder = await ownTemporaryFolder()
  const env = { TMPDIR: folder.path, NODE_TEST_CONTEXT: undefined }
  const { stdout } = await execa(process.execPath, ['--test', '--test-reporter=tap', program('node-test.ts')], { env })
  expect(stdout).toMatch(/^# pass 2$/m)
  expect(stdout).toMatch(/^# fail 0$/m)
  expect(leftovers(folder.path)).toEqual([])
})
