import { readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { layerCache } from '../support/layer-cache.ts'
import { leftoversAfter, ownTemporaryFolder } from '../support/leftovers.ts'
import { runProject } from '../support/run-project.ts'
import { vitest4Project } from '../support/vitest-4.ts'

const VITEST = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))
const PROJECT = fileURLToPath(new URL('layers', import.meta.url))
const BUILT = ': built in'

let cache: Awaited<ReturnType<typeof layerCache>>

beforeAll(async () => {
  cache = await layerCache()
})
afterAll(() => cache[Symbol.asyncDispose]())

async function vitest(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  [program, root]: readonly [string, string] = [VITEST, PROJECT],
) {
  await using folder = await ownTemporaryFolder()
  const { exitCode, stdout, stderr } = await execa(process.execPath, [program, '--run', '--root', root, ...args], {
    cwd: folder.path,
    env: { ...env, VITEST_GUEST_CACHE: cache.path, TMPDIR: folder.path, NO_COLOR: '1' },
    reject: false,
  })
  const evidence = await readdir(join(folder.path, 'test-results/guests')).catch(() => [])
  await rm(join(folder.path, 'test-results'), { recursive: true, force: true })
  return { exitCode, stdout, stderr, evidence, left: await leftoversAfter(folder.path) }
}

const keys = async () => (await readdir(cache.templates)).filter((name) => /^[0-9a-f]{32}$/.test(name))

// These follow on one another: the second fills the cache.
test('a layer that fails fails the run once, before any test, with the evidence of its guest, and is not kept', async () => {
  const before = await keys()
  const { exitCode, stdout, stderr, evidence, left } = await vitest([], { LAYER_FAILS: '1' })
  expect(exitCode).toBe(1)
  expect(stderr.match(/^BootError: /gm), stderr).toHaveLength(1)
  expect(stderr).toContain('Preparing the layer app failed: ')
  expect(stderr).toMatch(/last commands:\n.*exit 0 .*echo the app is running.*\n.*exit 4 .*echo what is wrong/)
  expect(stderr).toContain('what is wrong')
  expect(evidence).toContain('layer-app')
  expect(stdout + stderr).not.toContain('a worker has started')
  expect(await keys()).toEqual(before)
  expect(left).toEqual([])
})

test('layers are prepared once, before the workers, with the output of their commands; files that import them find them', async () => {
  const before = await keys()
  const { exitCode, stdout, stderr, left } = await vitest([])
  expect(exitCode, stdout + stderr).toBe(0)
  expect(stdout).toMatch(/Tests +3 passed/)
  const steps = ['layer app: $ echo the app is running', 'layer app:   | the app is running', 'app on debian-12, 512 MiB, guest: built', 'layer upper: $ echo upper', 'upper on app, 512 MiB, guest: built', 'a worker has started'] // prettier-ignore
  const places = steps.map((text) => stderr.indexOf(text))
  expect(places, stderr).not.toContain(-1)
  expect(places).toEqual(places.toSorted((a, b) => a - b))
  expect(stderr.split(BUILT)).toHaveLength(3)
  expect(await keys()).toHaveLength(before.length + 2)
  expect(left).toEqual([])
})

test('shards, and another release of vitest, find the same ones', async () => {
  const before = await keys()
  for (const shard of ['1/2', '2/2']) {
    const { exitCode, stdout, stderr } = await vitest([`--shard=${shard}`])
    expect(exitCode, stdout + stderr).toBe(0)
    expect(stderr).not.toContain(BUILT)
  }
  await using project = await vitest4Project('layers')
  const modules = join(project.path, 'node_modules/vitest/vitest.mjs')
  const { exitCode, stdout, stderr } = await vitest([], {}, [modules, join(project.path, 'layers')])
  expect(exitCode, stdout + stderr).toBe(0)
  expect(stdout).toMatch(/Tests +3 passed/)
  expect(stderr).not.toContain(BUILT)
  expect(await keys()).toEqual(before)
})

test('the examples: a database that each test may ruin, and a package under test', async () => {
  const { report, stdout, stderr, left } = await runProject('../../examples/layers', [])
  expect(report, stdout + stderr).toMatchObject({ success: true, numPassedTests: 6 })
  expect(left).toEqual([])
})
