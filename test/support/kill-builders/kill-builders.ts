import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { expect } from 'vitest'
import type { GuestOptions } from '../../../src/index.ts'
import { leftoversAfter, ownTemporaryFolder } from '../leftovers.ts'

/** The last output of a builder. */
export const BUILT = 'built in'

const PROGRAM = fileURLToPath(new URL('./program.ts', import.meta.url))

interface Point {
  name: string
  /** Of the builder's output. */
  said: RegExp
  /** Milliseconds from then on. */
  after: number
}

/**
 * Ten points, in the order of a build; only the last needs a whole boot, and strikes during the freezing. On a
 * faster host the builder is killed when it reports the end of the build.
 */
const POINTS: readonly Point[] = [
  { name: 'as it starts', said: /network/, after: 0 },
  { name: 'while its network is made', said: /network/, after: 50 },
  { name: 'when its network is made', said: /network/, after: 150 },
  { name: 'as the seed is written', said: /seed/, after: 0 },
  { name: 'while the seed is written', said: /seed/, after: 30 },
  { name: 'as QEMU starts', said: /qemu/, after: 0 },
  { name: 'as the kernel starts', said: /ssh banner/, after: 300 },
  { name: 'early in the boot', said: /ssh banner/, after: 2000 },
  { name: 'while the guest boots', said: /ssh banner/, after: 6000 },
  { name: 'while it is frozen', said: /freeze/, after: Math.random() * 4000 },
]

interface Builder {
  child: ChildProcess
  output: () => string
  ended: Promise<unknown>
}

/** A process that starts a guest with this cache, and builds its template if necessary. */
export function startBuilder(cache: string, temporary: string, options: GuestOptions): Builder {
  const env = { ...process.env, VITEST_GUEST_CACHE: cache, TMPDIR: temporary }
  const args = [PROGRAM, JSON.stringify(options)]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'], env })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
  return { child, output: () => output, ended: once(child, 'close') }
}

/** Kills a builder at each of ten points of its work; `look` inspects the cache after each. */
export async function killBuilders(
  cache: string,
  options: GuestOptions,
  look: (point: string, built: boolean) => Promise<void>,
): Promise<void> {
  await using temporary = await ownTemporaryFolder()
  for (const { name, said, after } of POINTS) {
    const builder = startBuilder(cache, temporary.path, options)
    const built = () => builder.output().includes(BUILT)
    const ended = () => builder.child.exitCode !== null
    await waitFor(() => said.test(builder.output()) || ended())
    const time = performance.now() + after
    await waitFor(() => performance.now() >= time || built() || ended())
    expect(builder.child.exitCode, `${name}:\n${builder.output()}`).toBeNull()
    builder.child.kill('SIGKILL')
    await builder.ended
    expect(await leftoversAfter(temporary.path), name).toEqual([])
    await look(name, built())
  }
}

export async function waitFor(condition: () => boolean): Promise<void> {
  while (!condition()) await sleep(10)
}
