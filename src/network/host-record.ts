import { readFileSync, statSync } from 'node:fs'
import { chmod, mkdir, readdir, readFile, stat, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { HostError } from '../errors.ts'

/** What is known of a `host` network to whoever opens another one, and to whoever takes it down. */
export interface HostRecord {
  /** Six letters and digits. Whatever was made for the network has it in its alias. */
  readonly id: string
  /** The keeper: with it the network goes. */
  readonly holder: ProcessName
  /** The process that opened the network. */
  readonly owner: number
  /** Of the host: what was made in an earlier one is gone, and its numbers mean others. */
  readonly boot: string
  readonly namespaces: Namespaces
  readonly bridge: string
  /** How the bridge was, when it was there before. */
  readonly adopted?: Adopted
  readonly subnet: string
  readonly subnet6?: string
  /** The host's own addresses in them, each with the length of its prefix. */
  readonly own: readonly string[]
}

/** A process that is not mistaken for a later one of the same number. */
export interface ProcessName {
  readonly pid: number
  /** In clock ticks since the boot (proc(5)). */
  readonly startTime: number
}

/** The inodes of those in which interfaces and process ids of a record mean something. */
interface Namespaces {
  readonly net: number
  readonly pid: number
}

export interface Adopted {
  readonly isUp: boolean
  readonly mtu: number
  readonly addresses: readonly HostAddress[]
}

/** An address of an interface, as `ip -json address` shows it. */
export interface HostAddress {
  readonly local: string
  readonly prefixlen: number
  readonly broadcast?: string
  readonly scope?: string
}

/**
 * One for every user of the host, whatever their TMPDIR is: their networks meet. Everybody may put records there, as in /tmp
 * itself, and obeys only their own.
 */
export const RECORDS = '/tmp/vitest-guest-networks'
const OPEN_TO_ALL = 0o1777

export interface FoundRecord {
  readonly path: string
  readonly record: HostRecord
  readonly isOwn: boolean
}

export function recordPath(id: string): string {
  return join(RECORDS, `${id}.json`)
}

/** @throws HostError when the folder is not one that can be shared */
export async function makeRecordsFolder(): Promise<void> {
  try {
    await mkdir(RECORDS)
    await chmod(RECORDS, OPEN_TO_ALL)
  } catch (cause) {
    const found = await stat(RECORDS).catch(() => undefined)
    if (found?.isDirectory() && (found.mode & OPEN_TO_ALL) === OPEN_TO_ALL) return
    // Another process is between the two steps above.
    if (found?.isDirectory() && found.uid === process.getuid?.()) return chmod(RECORDS, OPEN_TO_ALL)
    throw new HostError(`${RECORDS} cannot be used for the records of networks`, {
      cause,
      path: RECORDS,
      hint: `It must be a folder like /tmp: sudo install --directory --mode=1777 ${RECORDS}`,
    })
  }
}

export function writeRecord(record: HostRecord): Promise<void> {
  return writeFile(recordPath(record.id), JSON.stringify(record), { flag: 'wx', mode: 0o644 })
}

/** To be called with the lock: then what cannot be read was left by a process that died as it wrote. */
export async function readRecords(): Promise<FoundRecord[]> {
  return listRecords(async (path) => unlink(path))
}

/** @param onBroken told of a record of this user that cannot be read */
export async function listRecords(onBroken: (path: string) => Promise<void> = async () => {}): Promise<FoundRecord[]> {
  const names = (await readdir(RECORDS)).filter((name) => name.endsWith('.json'))
  const found = await Promise.all(
    names.map(async (name): Promise<FoundRecord[]> => {
      const path = join(RECORDS, name)
      try {
        const isOwn = (await stat(path)).uid === process.getuid?.()
        const record = await readRecord(path)
        if (record) return [{ path, record, isOwn }]
        if (isOwn) await onBroken(path)
      } catch {
        // Its network has just been taken down.
      }
      return []
    }),
  )
  return found.flat()
}

/** Undefined when there is none that can be read. */
export async function readRecord(path: string): Promise<HostRecord | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as HostRecord
  } catch {
    return undefined
  }
}

/** Whether it is of the namespaces that this process is in; of another one nothing can be seen from here. */
export function isHere({ namespaces }: HostRecord): boolean {
  const { net, pid } = ownNamespaces()
  return namespaces.net === net && namespaces.pid === pid
}

export function ownNamespaces(): Namespaces {
  return { net: statSync('/proc/self/ns/net').ino, pid: statSync('/proc/self/ns/pid').ino }
}

export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
}

export function isAlive({ pid, startTime }: ProcessName): boolean {
  return startTimeOf(pid) === startTime
}

export function nameOf(pid: number): ProcessName {
  return { pid, startTime: startTimeOf(pid) ?? 0 }
}

/** Undefined when there is no such process; a zombie is none. */
function startTimeOf(pid: number): number | undefined {
  try {
    // The second field, in parentheses, may hold spaces.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
    return fields[0] === 'Z' ? undefined : Number(fields[19])
  } catch {
    return undefined
  }
}
