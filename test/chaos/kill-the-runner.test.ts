import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { copyDefaultTemplate } from '../support/default-template.ts'
import { leftoversAfter, ownInterfaces, processesOf } from '../support/leftovers.ts'
import { childrenOf, commandLineOf } from '../support/processes.ts'
import { type OrdinaryUser, ordinaryUser } from '../support/ordinary-user.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs')
const PROJECT = join(ROOT, 'test/chaos/project')
/** vite's other loaders write beside the configuration, where an ordinary user may not. */
const READ_ONLY = ['--configLoader', 'runner']
/** What the runner itself may take to end once it was told to; the guest has a second after that. */
const RUNNER_BUDGET = 20_000
/** How long a moment may be in coming; a guest that boots beside four others takes its time. */
const MOMENT_BUDGET = 300_000
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGKILL'] as const

/** When to strike: as soon as `until` holds, plus a random time up to `within` milliseconds. */
interface Moment {
  name: string
  until: (folder: string, output: () => string) => boolean
  within: number
}
const hasProcess = (text: string) => (folder: string) => processesOf(folder).some((line) => line.includes(text))
const MOMENTS: readonly Moment[] = [
  { name: 'while vitest starts', until: () => true, within: 2500 },
  { name: 'as the keeper starts', until: hasProcess('keeper'), within: 150 },
  { name: 'around seed and QEMU', until: hasProcess('keeper'), within: 1500 },
  { name: 'as QEMU starts', until: hasProcess('qemu-system'), within: 300 },
  { name: 'while the guest boots', until: hasProcess('qemu-system'), within: 5000 },
]
const READY: Moment = {
  name: 'when the guest is ready',
  until: (_, output) => output().includes('ready '),
  within: 200,
}
/** How the guest of a suite comes about; a standby is one that no test has been given yet. */
const STARTS = ['cold', 'warm', 'standby'] as const
/** A clone is ready too soon for a moment while it boots. */
const MOMENTS_OF_CLONES: readonly Moment[] = [
  ...MOMENTS.slice(0, 4),
  READY,
  { ...READY, name: 'while the next guest is restored', within: 2000 },
]

interface Strike {
  start: (typeof STARTS)[number]
  moment: Moment
  pool: 'forks' | 'threads'
  victim: 'main' | 'worker'
  signal: (typeof SIGNALS)[number]
}

/** Thirty: every start with every moment, signal, pool and victim in turn. */
function strikes(): Strike[] {
  return Array.from({ length: 30 }, (_, index): Strike => {
    const pool = index % 7 > 4 ? 'threads' : 'forks'
    const start = STARTS[index % STARTS.length] as Strike['start']
    const moments = start === 'cold' ? MOMENTS : MOMENTS_OF_CLONES
    return {
      start,
      moment: moments[Math.floor(index / STARTS.length) % moments.length] as Moment,
      pool,
      // A thread cannot be sent a signal; its process is the main one.
      victim: pool === 'forks' && index % 2 === 0 ? 'worker' : 'main',
      signal: SIGNALS[Math.floor(index / 5) % SIGNALS.length] as Strike['signal'],
    }
  })
}

const users = process.getuid?.() === 0 ? (['root', 'an ordinary user'] as const) : (['an ordinary user'] as const)
let somebody: OrdinaryUser
let cache: string
let interfaces: string[]

beforeAll(async () => {
  somebody = await ordinaryUser()
  // Root's cache is root's alone; the ordinary user gets a copy of what clones come from.
  cache = join(somebody.home, 'cache')
  await copyDefaultTemplate(cache)
  await somebody.own(cache)
  interfaces = await ownInterfaces()
})

afterAll(() => somebody[Symbol.asyncDispose]())

for (const user of users) {
  test.concurrent.for(strikes())(
    `as ${user}: $signal of $victim ($pool) $moment.name, $start`,
    async ({ start, moment, pool, victim, signal }) => {
      const folder = await mkdtemp(join(tmpdir(), 'vg-chaos-'))
      const asSomebody = user !== 'root' && process.getuid?.() === 0
      if (asSomebody) await somebody.own(folder)
      let output = ''
      const runner = startRunner(start, pool, folder, asSomebody)
      for (const stream of [runner.stdout, runner.stderr])
        stream?.on('data', (chunk: Buffer) => (output += chunk.toString()))
      const ended = once(runner, 'exit')
      try {
        await waitFor(moment, folder, runner, () => output)
        await sleep(Math.random() * moment.within)
        expect(runner.exitCode ?? runner.signalCode, `the runner ended before it was struck:\n${output}`).toBeNull()
        const target = victim === 'worker' ? ((await workerOf(runner)) ?? runner.pid) : runner.pid
        process.kill(target as number, signal)
        let hadToBeKilled = false
        const reluctant = setTimeout(() => {
          hadToBeKilled = true
          process.kill(-(runner.pid as number), 'SIGKILL')
        }, RUNNER_BUDGET)
        await ended
        clearTimeout(reluctant)
        expect(hadToBeKilled, `the runner went on:\n${output}`).toBe(false)
        expect(await leftoversAfter(folder, 1000), output).toEqual([])
        expect(await ownInterfaces()).toEqual(interfaces)
      } finally {
        if (runner.exitCode === null) runner.kill('SIGKILL')
        await rm(folder, { recursive: true, force: true })
      }
    },
  )
}

function startRunner(start: string, pool: string, folder: string, asSomebody: boolean): ChildProcess {
  const vitest = [process.execPath, VITEST, 'run', '--root', PROJECT, '--pool', pool, ...READ_ONLY]
  const [file, ...args] = asSomebody ? somebody.as(vitest) : vitest
  return spawn(file as string, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: {
      ...process.env,
      TMPDIR: folder,
      GUEST_START: start,
      ...(asSomebody && { VITEST_GUEST_CACHE: cache, HOME: folder }),
    },
  })
}

/** The process that runs the tests, once vitest has started it. */
async function workerOf(runner: ChildProcess): Promise<number | undefined> {
  return childrenOf(runner.pid as number).find((pid) => commandLineOf(pid).includes('vitest/dist/workers/forks'))
}

/** @throws when the moment does not come */
async function waitFor({ name, until }: Moment, folder: string, runner: ChildProcess, output: () => string) {
  const end = performance.now() + MOMENT_BUDGET
  while (runner.exitCode === null && !until(folder, output)) {
    if (performance.now() > end) throw new Error(`The moment "${name}" did not come:\n${output()}`)
    await sleep(20)
  }
}
