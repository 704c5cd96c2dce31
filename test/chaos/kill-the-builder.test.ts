import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { openTemplate } from '../../src/template/store.ts'
import { leftoversAfter, ownTemporaryFolder } from '../support/leftovers.ts'
import { ownCache } from '../support/own-cache.ts'

const PROGRAM = fileURLToPath(new URL('./build-template.ts', import.meta.url))

interface Point {
  name: string
  /** Of what the builder says. */
  said: RegExp
  /** Milliseconds from then on. */
  after: number
}

/** Ten points, in the order of a build; only the last takes a whole boot to reach, and strikes somewhere in the freezing. */
const POINTS: readonly Point[] = [
  { name: 'as it starts', said: /network/, after: 0 },
  { name: 'while its network is made', said: /network/, after: 50 },
  { name: 'when its network is made', said: /network/, after: 150 },
  { name: 'as the seed is written', said: /seed/, after: 0 },
  { name: 'while the seed is written', said: /seed/, after: 30 },
  { name: 'as QEMU starts', said: /qemu/, after: 0 },
  { name: 'as the kernel starts', said: /ssh banner/, after: 300 },
  { name: 'early in the boot', said: /ssh banner/, after: 4000 },
  { name: 'while the guest boots', said: /ssh banner/, after: 10_000 },
  { name: 'while it is frozen', said: /freeze/, after: Math.random() * 4000 },
]

interface Builder {
  child: ChildProcess
  output: () => string
  ended: Promise<unknown>
}

function startBuilder(cache: string, temporary: string): Builder {
  const env = { ...process.env, VITEST_GUEST_CACHE: cache, TMPDIR: temporary }
  const child = spawn(process.execPath, [PROGRAM], { stdio: ['ignore', 'pipe', 'pipe'], env })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  return { child, output: () => output, ended: once(child, 'close') }
}

test('SIGKILL of the builder at ten points: nothing is served, and the next caller builds; two of those: one builds', async () => {
  await using cache = await ownCache()
  await using temporary = await ownTemporaryFolder()
  for (const { name, said, after } of POINTS) {
    const builder = startBuilder(cache.path, temporary.path)
    await Promise.race([waitFor(() => said.test(builder.output())), builder.ended])
    await sleep(after)
    expect(builder.child.exitCode, `${name}:\n${builder.output()}`).toBeNull()
    builder.child.kill('SIGKILL')
    await builder.ended
    expect(await leftoversAfter(temporary.path, 1000), name).toEqual([])
    for (const key of templatesIn(cache.templates)) {
      expect(await openTemplate(join(cache.templates, key), key), name).toMatchObject({ absent: true })
    }
  }
  const two = [startBuilder(cache.path, temporary.path), startBuilder(cache.path, temporary.path)]
  await Promise.all(two.map(({ ended }) => ended))
  const outputs = two.map(({ output }) => output()).sort()
  expect(outputs.map((text) => text.trimEnd().split('\n').at(-1))).toEqual(['warm', 'warm'])
  expect(outputs.filter((text) => /built in/.test(text))).toHaveLength(1)
  expect(
    outputs.filter((text) => /waiting for process \d+, which is building the template .*: .*\(\d+ s\)/.test(text)),
  ).toHaveLength(1)
  // One template, its lock, and nothing of the ten.
  expect(
    readdirSync(cache.templates)
      .map((name) => name.replace(/^[0-9a-f]{32}/, 'KEY'))
      .sort(),
  ).toEqual(['KEY', 'KEY.lock'])
})

function templatesIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => /^[0-9a-f]{32}$/.test(name))
}

async function waitFor(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(10)
}
