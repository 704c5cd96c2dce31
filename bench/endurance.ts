import { readdirSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { bootGuest } from 'vitest-guest/core'
import { cacheFolder } from '../src/host/environment.ts'
import { run } from '../src/host/program/run.ts'
import type { Image } from '../src/image/resolve-image.ts'
import { emptyCache } from './empty-cache.ts'
import { childProcesses } from './processes.ts'

/** What could grow. */
export interface Use {
  /** Clones so far. */
  clones: number
  descriptors: number
  /** The heap in use after a garbage collection, and the memory of the whole process. */
  heapMib: number
  rssMib: number
  /** Of a cache that nothing else uses, without its images. */
  cacheMib: number
  children: number
}

export interface Endurance {
  clones: number
  failed: number
  /** After the first ten, as a warm-up, then after every fifty, and at the end. */
  uses: Use[]
}

const WARM_UP = 10
const EVERY = 50
const MIB = 1024 * 1024

setFlagsFromString('--expose-gc')
const collectGarbage = runInNewContext('gc') as () => void

/** Clones in a row, each connected, asked one thing, and closed. */
export async function measureEndurance(image: Image, clones: number): Promise<Endurance> {
  await using _ = await emptyCache(image)
  let failed = 0
  const uses: Use[] = []
  for (let clone = 1; clone <= clones; clone++) {
    try {
      await using guest = await bootGuest()
      const { stdout } = await guest.$`echo ${clone}`
      if (stdout !== `${clone}`) throw new Error(`answered ${stdout}`)
    } catch (error) {
      failed++
      console.log(`  clone ${clone} failed: ${(error as Error).message}`)
    }
    if (clone === WARM_UP || clone % EVERY === 0 || clone === clones) {
      const now = await use(clone)
      uses.push(now)
      console.log(`  ${clone} clones: ${now.rssMib.toFixed(0)} MiB of memory, ${now.cacheMib.toFixed(1)} MiB of cache`)
    }
  }
  return { clones, failed, uses }
}

async function use(clones: number): Promise<Use> {
  collectGarbage()
  const { heapUsed, rss } = process.memoryUsage()
  const [kib = ''] = (await run('du', ['--summarize', '--block-size=1K', cacheFolder()])).split('\t')
  return {
    clones,
    descriptors: readdirSync('/proc/self/fd').length,
    heapMib: heapUsed / MIB,
    rssMib: rss / MIB,
    cacheMib: Number(kib) / 1024,
    children: childProcesses(process.pid).length,
  }
}
