import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** What so many workers measured that open and dispose networks at the same time. */
export interface SetUps {
  workers: number
  /** Milliseconds of each set-up, those of all workers. */
  setUp: number[]
  /** Milliseconds from the common start until the last worker was done. */
  elapsed: number
}

const WORKER = fileURLToPath(new URL('./open-networks.mjs', import.meta.url))
const COUNTS = [1, 2, 4, 8]
/** Networks of each worker, one after the other. */
const NETWORKS = 10

export async function measureSetUps(): Promise<SetUps[]> {
  const measured: SetUps[] = []
  for (const count of COUNTS) measured.push(await setUpsOf(count))
  return measured
}

async function setUpsOf(count: number): Promise<SetUps> {
  const workers = Array.from({ length: count }, () => {
    const child = spawn(process.execPath, [WORKER, `${NETWORKS}`], { stdio: ['pipe', 'pipe', 'inherit'] })
    const lines = createInterface(child.stdout)
    return { child, line: async () => ((await once(lines, 'line')) as [string])[0] }
  })
  // Each has loaded the package and opened one network: from here on they do nothing else.
  await Promise.all(workers.map(({ line }) => line()))
  const startedAt = performance.now()
  const answers = await Promise.all(
    workers.map(({ child, line }) => {
      const answered = line()
      child.stdin.end('go\n')
      return answered
    }),
  )
  return {
    workers: count,
    setUp: answers.flatMap((answer) => JSON.parse(answer) as number[]),
    elapsed: performance.now() - startedAt,
  }
}
