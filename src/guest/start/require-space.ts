import { statfs } from 'node:fs/promises'
import { HostError } from '../../errors.ts'

/** For the disk, the state, and what others write in the meantime, in MiB. */
const RESERVE = 64
const HINT =
  "Free some (npx vitest-guest gc), move the cache with VITEST_GUEST_CACHE, or boot each time with start: 'cold'."

/** A template takes at most as much as the guest's memory, and a little for its disk. @throws HostError when there is less */
export async function requireSpace(folder: string, memoryMib: number, label: string): Promise<void> {
  const free = await freeMib(folder)
  const needed = memoryMib + RESERVE
  if (free >= needed) return
  const why = `${free} MiB are free in ${folder}, but ${needed} MiB are needed`
  throw new HostError(`Not enough space for the template ${label}: ${why}`, { hint: HINT })
}

/** A better error when the file system is full, which is met as SIGBUS in QEMU's memory, as EPIPE in its state, as ENOSPC by ourselves. */
export async function explainFull(error: unknown, folder: string, label: string): Promise<unknown> {
  const free = await freeMib(folder).catch(() => Infinity)
  if (free >= 1) return error
  const what = `The file system became full while the template ${label} was being built in ${folder}`
  return new HostError(what, { cause: error, hint: HINT })
}

async function freeMib(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder)
  return Math.floor((bavail * bsize) / 1024 / 1024)
}
