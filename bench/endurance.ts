import { readdirSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { bootGuest } from 'vitest-guest/core'
import { cacheFolder } from '../src/host/environment.ts'
import { run } from '../src/host/run.ts'
import { childProcesses } from './processes.ts'

/** What could grow. */
interface Use {
  descriptors: number
  /** What is in use of the heap, once the garbage has been collected, and all that the process holds. */
  heapMib: number
  rssMib: number
  cacheMib: number
  children: number
}

export interface Endurance {
  clones: number
  failed: number
  /** After the first ten, which warm things up, and at the end. */
  before: Use
  after: Use
}

const WARM_UP = 10
const MIB = 1024 * 1024

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Clones in a row, each connected, asked one thing, and closed. */
export async function measureEndurance(clones: number): Promise<Endurance> {
  let failed = 0
  let before = await use()
  for (let clone = 1; clone <= clones; clone++) {
    try {
      await using guest = await bootGuest()
      const { stdout } = await guest.$`echo ${clone}`
      if (stdout !== `${clone}`) throw new Error(`answered ${stdout}`)
    } catch (error) {
      failed++
      console.log(`  clone ${clone} failed: ${(error as Error).message}`)
    }
    if (clone === WARM_UP) before = await use()
    if (clone % 50 === 0) console.log(`  ${clone} clones`)
  }
  return { clones, failed, before, after: await use() }
}

async function use(): Promise<Use> {
  collectGarbage()
  const { heapUsed, rss } = process.memoryUsage()
  const [kib = ''] = (await run('du', ['--summarize', '--block-size=1K', cacheFolder()])).split('\t')
  return {
    descriptors: readdirSync('/proc/self/fd').length,
    heapMib: heapUsed / MIB,
    rssMib: rss / MIB,
    cacheMib: Number(kib) / 1024,
    children: childProcesses(process.pid).length,
  }
}
