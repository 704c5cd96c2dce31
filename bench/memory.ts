import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { bootGuest, type Guest } from 'vitest-guest/core'
import { childProcesses } from './processes.ts'

const MIB = 1024

export interface Memory {
  /** MiB: resident memory of the QEMU of a guest that was booted. */
  coldRss: number
  /** MiB: what each further clone adds (its proportional share), right after it has connected. */
  clonePss: number[]
  /** MiB of all QEMUs together, milliseconds until the last was connected, and share of one CPU when idle, by number of guests. */
  byCount: { guests: number; pssMib: number; lastMs: number; idleCpu: number }[]
  /** Milliseconds until all of the largest number have answered one simultaneous command. */
  answeredMs: number
}

const COUNTS = [1, 2, 4, 8, 16]

export async function measureMemory(): Promise<Memory> {
  const coldRss = await (async () => {
    await using _ = await bootGuest({ start: 'cold' })
    return rollup('Rss')
  })()
  const guests: Guest[] = []
  const clonePss: number[] = []
  const byCount: Memory['byCount'] = []
  let answeredMs = Number.NaN
  try {
    let before = 0
    let lastMs = 0
    for (const count of COUNTS) {
      while (guests.length < count) {
        const startedAt = performance.now()
        guests.push(await bootGuest())
        lastMs = performance.now() - startedAt
        const now = rollup('Pss')
        clonePss.push(now - before)
        before = now
      }
      byCount.push({ guests: count, pssMib: rollup('Pss'), lastMs, idleCpu: await idleCpu() })
    }
    const startedAt = performance.now()
    const answers = await Promise.all(guests.map((guest) => guest.$`hostname`))
    if (answers.some(({ stdout }) => stdout !== 'guest')) throw new Error('not all answered')
    answeredMs = performance.now() - startedAt
  } finally {
    await Promise.all(guests.map((guest) => guest[Symbol.asyncDispose]()))
  }
  return { coldRss, clonePss, byCount, answeredMs }
}

/** MiB, summed over our QEMUs (proc(5), smaps_rollup). */
function rollup(field: 'Rss' | 'Pss'): number {
  const pattern = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm')
  const sizes = qemus().map((pid) => Number(pattern.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0))
  return sizes.reduce((sum, size) => sum + size, 0) / MIB
}

/** The share of one CPU, over two seconds in which the guests are idle. */
async function idleCpu(): Promise<number> {
  const ticks = () =>
    qemus().reduce((sum, pid) => {
      const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
      return sum + Number(fields[11]) + Number(fields[12])
    }, 0)
  const before = ticks()
  await sleep(2000)
  return (ticks() - before) / 200
}

function qemus(): number[] {
  return childProcesses(process.pid).filter((pid) =>
    readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('qemu-system'),
  )
}
