import { readdir, readFile, realpath, stat } from 'node:fs/promises'
import { basename, resolve } from 'node:path'

/** Milliseconds within which a process that chose something from the cache has started QEMU with it. */
const ABOUT_TO_START = 60_000

interface CommandLine {
  readonly pid: number
  readonly args: readonly string[]
}

/**
 * Who uses a folder of the cache, as `process 12 (qemu-system-x86_64)`; undefined when nobody does. QEMU's arguments, which
 * anybody can read, name every file that it has open.
 */
export async function userOf(folder: string): Promise<string | undefined> {
  return (await processUsing(folder)) ?? starting((await stat(folder)).mtimeMs, Date.now())
}

/** The same without regard to the last use. */
export async function processUsing(folder: string): Promise<string | undefined> {
  const paths = [folder, resolve(folder), await realpath(folder)]
  const found = (await commandLines()).find(({ args }) => paths.some((path) => names(args, path)))
  return found && `process ${found.pid} (${basename(found.args[0] ?? '')})`
}

function starting(lastUse: number, now: number): string | undefined {
  const ago = Math.abs(now - lastUse)
  if (ago >= ABOUT_TO_START) return undefined
  return `a machine that may be about to start (last used ${Math.round(ago / 1000)} s ago)`
}

/** Whether arguments name a folder or something in it, but not a folder whose name only begins with it. */
export function names(args: readonly string[], folder: string): boolean {
  // In QEMU's option lists commas are doubled, and disks are given as JSON.
  const written = [folder, JSON.stringify(folder).slice(1, -1)].flatMap((path) => [path, path.replaceAll(',', ',,')])
  return written.some((path) =>
    args.some((arg) => arg.split(path).some((after, index) => index > 0 && !/^[\w.+-]/.test(after))),
  )
}

async function commandLines(): Promise<CommandLine[]> {
  const pids = (await readdir('/proc')).map(Number).filter((pid) => pid > 0 && pid !== process.pid)
  return Promise.all(
    pids.map(async (pid) => {
      // It may have ended in the meantime.
      const text = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
      return { pid, args: text.split('\0') }
    }),
  )
}
