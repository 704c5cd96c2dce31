import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

export interface SetUps {
  atOnce: AtOnce[]
  /** Milliseconds to set up one more network, by the number of workers that have one; a number per round. */
  further: number[][]
}

/** What a number of workers measured that open and dispose of networks at the same time. */
interface AtOnce {
  workers: number
  /** Milliseconds of each set-up, of all workers. */
  setUp: number[]
  /** Milliseconds from the common start until the last worker was done. */
  elapsed: number
}

const WORKER = fileURLToPath(new URL('./open-networks.mjs', import.meta.url))
const COUNTS = [1, 2, 4, 8]
/** Networks of each worker, one after the other. */
const NETWORKS = 10
const SETTLE_MS = 1000

/** How long private networks take to set up. */
export async function measureSetUps(rounds: number): Promise<SetUps> {
  const atOnce: AtOnce[] = []
  for (const count of COUNTS) atOnce.push(await setUpsOf(count))
  return { atOnce, further: await measureFurther(rounds) }
}

/** Workers that each open a network and keep it, one after the other: what another network costs depending on their number. */
async function measureFurther(rounds: number): Promise<number[][]> {
  const times: number[][] = []
  for (let round = 1; round <= rounds; round++) {
    await using workers = await startWorkers(Math.max(...COUNTS))
    for (const [others, worker] of workers.all.entries()) (times[others] ??= []).push(...(await worker.ask('keep')))
  }
  return times
}

async function setUpsOf(count: number): Promise<AtOnce> {
  await using workers = await startWorkers(count)
  const startedAt = performance.now()
  const answers = await Promise.all(workers.all.map((worker) => worker.ask(`${NETWORKS}`)))
  return { workers: count, setUp: answers.flat(), elapsed: performance.now() - startedAt }
}

/** Each has loaded the package and opened one network; from here on they do nothing else. */
async function startWorkers(count: number) {
  const all = Array.from({ length: count }, () => {
    const child = spawn(process.execPath, [WORKER], { stdio: ['pipe', 'pipe', 'inherit'] })
    const closed = once(child, 'close')
    const lines = createInterface(child.stdout)
    const heard = async () => JSON.parse(((await once(lines, 'line')) as [string])[0]) as number[]
    const ask = (what: string) => {
      const answered = heard()
      child.stdin.write(`${what}\n`)
      return answered
    }
    const end = async () => {
      child.stdin.end()
      await closed
    }
    return { ready: heard(), ask, end }
  })
  await Promise.all(all.map(({ ready }) => ready))
  // Until their keepers are gone too.
  await sleep(SETTLE_MS)
  return { all, [Symbol.asyncDispose]: () => Promise.all(all.map(({ end }) => end())).then(() => {}) }
}
