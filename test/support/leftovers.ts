import { readdirSync, readlinkSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { commandLineOf, environmentOf, processIds } from './processes.ts'

/**
 * A temporary folder that everything started with it as TMPDIR can be recognised by: state folders lie in it, and
 * keepers and QEMUs inherit the variable. (The QEMU of a clone names only its template in its command line.)
 */
export async function ownTemporaryFolder(): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'vg-test-'))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}

/** Command lines of live processes (zombies have none) that mention `text`, apart from this process. */
export function processesNaming(text: string): string[] {
  return processIds()
    .filter((pid) => pid !== process.pid)
    .map(commandLineOf)
    .filter((commandLine) => commandLine.includes(text))
}

/** Command lines of live processes, apart from this one, that mention the folder or were started with it as TMPDIR. */
export function processesOf(folder: string): string[] {
  return processIds()
    .filter((pid) => pid !== process.pid)
    .map((pid) => ({ commandLine: commandLineOf(pid), temporary: environmentOf(pid, 'TMPDIR') }))
    .filter(({ commandLine, temporary }) => commandLine.includes(folder) || (commandLine && temporary === folder))
    .map(({ commandLine }) => commandLine)
}

/** The network namespace of a process, e.g. `net:[4026531840]`. */
export function networkNamespace(pid: number): string {
  return readlinkSync(`/proc/${pid}/ns/net`)
}

export function isNetworkNamespaceAlive(namespace: string): boolean {
  return processIds().some((pid) => {
    try {
      return networkNamespace(pid) === namespace
    } catch {
      return false
    }
  })
}

/** The names of the interfaces in the namespace that the tests run in. */
export async function ownInterfaces(): Promise<string[]> {
  const { stdout } = await execa('ip', ['-json', 'link', 'show'], { env: { PATH: `${process.env['PATH']}:/usr/sbin` } })
  return (JSON.parse(stdout) as { ifname: string }[]).map(({ ifname }) => ifname)
}

/** What is left of everything that ran with this folder as TMPDIR; empty when all is well. */
export function leftovers(folder: string): string[] {
  // Only ours: vitest too keeps a folder there, and loses it when it is killed.
  const files = readdirSync(folder)
    .filter((name) => name.startsWith('vitest-guest-'))
    .map((name) => `file ${join(folder, name)}`)
  return [...processesOf(folder).map((commandLine) => `process ${commandLine}`), ...files]
}

/** Leftovers once the budget is over, or as soon as there are none. */
export async function leftoversAfter(folder: string, budgetMs: number): Promise<string[]> {
  const end = performance.now() + budgetMs
  for (;;) {
    const left = leftovers(folder)
    if (left.length === 0 || performance.now() > end) return left
    await sleep(20)
  }
}
