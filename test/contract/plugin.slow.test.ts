import { readdirSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTemplate } from '../../src/template/store.ts'
import { copyDefaultTemplate } from '../support/default-template.ts'
import { BUILT, killBuilders, startBuilder, waitFor } from '../support/kill-builders/kill-builders.ts'
import { leftoversAfter, ownTemporaryFolder } from '../support/leftovers.ts'

const VITEST = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))

/** Has the default image and the template of the default guest, but not the one that the project `plugin` needs. */
let cache: string

/** The options of the project `plugin` that its template depends on. */
const OPTIONS = { memory: '384M', cpus: 1 } as const

// These tests depend on one another: the second fills the cache.
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'vg-cache-'))
  await copyDefaultTemplate(cache)
})

afterAll(() => rm(cache, { recursive: true, force: true }))

/** Runs a real vitest on a small project in this folder. */
async function vitest(
  project: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  onStderr: (text: string) => void = () => {},
) {
  await using folder = await ownTemporaryFolder()
  const root = fileURLToPath(new URL(project, import.meta.url))
  const running = execa(process.execPath, [VITEST, '--run', '--root', root, ...args], {
    env: { ...env, VITEST_GUEST_CACHE: cache, TMPDIR: folder.path, NO_COLOR: '1' },
    reject: false,
  })
  running.stderr.on('data', (chunk: Buffer) => onStderr(chunk.toString()))
  const result = await running
  return { ...result, left: await leftoversAfter(folder.path) }
}

test('SIGKILL of a builder at ten points of its work: nothing is left, and nothing served', async () => {
  const templates = join(cache, 'templates')
  const others = readdirSync(templates)
  await killBuilders(cache, OPTIONS, async (point, built) => {
    const keys = readdirSync(templates).filter((name) => /^[0-9a-f]{32}$/.test(name) && !others.includes(name))
    for (const key of keys) {
      const found = await openTemplate(join(templates, key), key)
      // Its builder puts it in place after saying that it is built.
      expect(found, point).toMatchObject(built && !('fault' in found) ? { key } : { absent: true })
      await rm(join(templates, key), { recursive: true, force: true })
    }
  })
})

test('a missing template is built once, before a worker starts, with progress; its guests are as the plugin says', async () => {
  await using folder = await ownTemporaryFolder()
  let told = ''
  const suite = vitest('plugin', [], {}, (text) => (told += text))
  await Promise.race([waitFor(() => told.includes('ssh banner')), suite])
  // Another process that wants it waits.
  const other = startBuilder(cache, folder.path, OPTIONS)
  const { exitCode, stdout, stderr, left } = await suite
  expect(exitCode, stdout + stderr).toBe(0)
  expect(stdout).toMatch(/Tests +2 passed/)
  const steps = ['384 MiB, guest: ssh banner', `384 MiB, guest: ${BUILT}`, 'a worker has started']
  const places = steps.map((text) => stderr.indexOf(text))
  expect(places, stderr).not.toContain(-1)
  expect(places).toEqual(places.toSorted((a, b) => a - b))
  expect(stderr.split(BUILT)).toHaveLength(2)
  expect(stderr).toContain('hookTimeout 1800000\n')
  expect(left).toEqual([])

  await other.ended
  expect(other.output()).toMatch(/waiting for process \d+, which is building the template .*: .*\(\d+ s\)/)
  expect(other.output()).not.toContain(BUILT)
  expect(other.output().trimEnd().split('\n').at(-1)).toBe('warm')
  // Two templates and their locks, and nothing of those whose builder was killed.
  const names = (await readdir(join(cache, 'templates'))).map((name) => name.replace(/^[0-9a-f]{32}/, 'KEY'))
  expect(names.filter((name) => name !== 'KEY.lock')).toEqual(['KEY', 'KEY'])
})

test('projects with different options in one run, beside one without', async () => {
  const { exitCode, stdout, stderr, left } = await vitest('plugin-projects', [])
  expect(exitCode, stdout + stderr).toBe(0)
  expect(stdout).toMatch(/Tests +3 passed/)
  // The template of `right` was copied with the cache's folder, and is intact.
  expect(stderr).not.toContain(BUILT)
  expect(stderr).toMatch(/workers: left (\d+), right \1, none 64/)
  expect(left).toEqual([])
})

test('shards with a cache from elsewhere: nothing is built again nor said, and their reports merge to one of all tests', async () => {
  await move()
  const reports = join(cache, 'reports')
  for (const shard of ['1', '2']) {
    const output = `--outputFile.blob=${join(reports, `blob-${shard}.json`)}`
    const args = [`--shard=${shard}/2`, '--reporter=default', '--reporter=blob', output, '--hookTimeout', '77000']
    const { exitCode, stdout, stderr } = await vitest('plugin', args)
    expect(exitCode, stdout + stderr).toBe(0)
    // Its test expects that guest.started is 'warm'.
    expect(stdout).toMatch(/Tests +1 passed/)
    // A build's progress would have the guest's name; a slow clone on a slow machine is not a fault.
    expect(stderr).not.toMatch(/vitest-guest: (?!starting a guest: )/)
    // The user's time-out is kept.
    expect(stderr).toMatch(/^hookTimeout 77000$/m)
  }
  expect(await readdir(reports)).toHaveLength(2)
  const { exitCode, stdout, stderr } = await vitest('plugin', [`--merge-reports=${reports}`])
  expect(exitCode, stdout + stderr).toBe(0)
  expect(stdout).toMatch(/Tests +2 passed/)
  expect(stdout).toContain('first.suite.ts')
  expect(stdout).toContain('second.suite.ts')
})

/** To another folder, by the commands of docs/ci.md. */
async function move(): Promise<void> {
  const elsewhere = `${cache}-elsewhere`
  const archive = `${cache}.tar`
  try {
    await execa('tar', ['--create', '--sparse', '--file', archive, '--directory', cache, '.'])
    await mkdir(elsewhere)
    await execa('tar', ['--extract', '--file', archive, '--directory', elsewhere])
  } finally {
    await rm(archive, { force: true })
    await rm(cache, { recursive: true })
    cache = elsewhere
  }
}
