import { readdirSync, readlinkSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { commandLineOf, environmentOf, familyOf, processIds, workingFolderOf } from './processes.ts'
import { LIMITS } from './time-limits.ts'

/**
 * A temporary folder that identifies everything started with it as TMPDIR: state folders are in it,
 * keepers inherit the variable, and QEMUs work in a folder in it.
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

/** Command lines of live processes, apart from this one, that mention the folder, were started with it as TMPDIR, or work in it. */
export function processesOf(folder: string): string[] {
  return runningOf(folder).map(({ commandLine }) => commandLine)
}

function runningOf(folder: string): { pid: number; commandLine: string }[] {
  return processIds()
    .filter((pid) => pid !== process.pid)
    .map((pid) => ({ pid, commandLine: commandLineOf(pid) }))
    .filter(({ pid, commandLine }) => {
      if (commandLine === '' || commandLine.includes(folder)) return commandLine !== ''
      return environmentOf(pid, 'TMPDIR') === folder || workingFolderOf(pid)?.startsWith(`${folder}/`)
    })
}

/** The network namespace of a process, e.g. `net:[4026531840]`. */
export function networkNamespace(pid: number): string {
  return readlinkSync(`/proc/${pid}/ns/net`)
}

/** Undefined for a zombie, and for a process that is gone. */
function namespaceIfAny(pid: number): string | undefined {
  try {
    return networkNamespace(pid)
  } catch {
    return undefined
  }
}

/** A process in a network namespace other than the machine's own. */
export interface Resident {
  readonly pid: number
  readonly namespace: string
}

/**
 * Everybody in the network namespaces of what runs with this folder as TMPDIR, whatever they have in their own environment. As
 * long as one of them is there, so is the namespace. Its number alone would not do to tell: when it has vanished, the kernel
 * gives that to the next one, which may be another test's.
 */
export function residentsOf(folder: string): Resident[] {
  const own = networkNamespace(process.pid)
  const theirs = new Set(runningOf(folder).map(({ pid }) => namespaceIfAny(pid)))
  return processIds().flatMap((pid) => {
    const namespace = namespaceIfAny(pid)
    return namespace !== undefined && namespace !== own && theirs.has(namespace) ? [{ pid, namespace }] : []
  })
}

/** The names of the interfaces in the namespace that the tests run in. */
export async function ownInterfaces(): Promise<string[]> {
  const { stdout } = await execa('ip', ['-json', 'link', 'show'], { env: { PATH: `${process.env['PATH']}:/usr/sbin` } })
  return (JSON.parse(stdout) as { ifname: string }[]).map(({ ifname }) => ifname)
}

export interface Search {
  /** The processes that were in the run's network namespaces. */
  residents?: readonly Resident[]
  /** A process that continues: what it and its descendants have is not left over. */
  besides?: number
}

/** What is left of everything that ran with this folder as TMPDIR. */
export function leftovers(folder: string, { residents = [], besides }: Search = {}): string[] {
  const spared = new Set(besides === undefined ? [] : familyOf(besides))
  const running = runningOf(folder)
  const processes = running.filter(({ pid }) => !spared.has(pid))
  const inUse = running.filter(({ pid }) => spared.has(pid))
  // Only our folders and QEMU's: vitest also has one there, and leaves it when it is killed.
  const files = readdirSync(folder)
    .filter(
      (name) => /^(vitest-guest-|vl\.)/.test(name) && !inUse.some(({ commandLine }) => commandLine.includes(name)),
    )
    .map((name) => `file ${join(folder, name)}`)
  const inside = residents.filter(
    ({ pid, namespace }) => !running.some((it) => it.pid === pid) && namespaceIfAny(pid) === namespace,
  )
  return [
    ...processes.map(({ commandLine }) => `process ${commandLine}`),
    ...files,
    ...inside.map(({ pid, namespace }) => `network namespace ${namespace} with ${commandLineOf(pid)}`),
  ]
}

/** Leftovers at the end of the budget, or none as soon as there are none. */
export async function leftoversAfter(
  folder: string,
  budgetMs: number = LIMITS.gone,
  search: Search = {},
): Promise<string[]> {
  const end = performance.now() + budgetMs
  for (;;) {
    const left = leftovers(folder, search)
    if (left.length === 0 || performance.now() > end) return left
    await sleep(20)
  }
}
