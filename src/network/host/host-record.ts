import { readFileSync, statSync } from 'node:fs'
import { chmod, lstat, mkdir, readdir, rmdir, unlink, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { readFileOf } from '../../host/files/own-files.ts'
import { parseJson } from '../../host/parse-json.ts'
import { type ProcessName, isProcessName } from '../../host/program/process-name.ts'
import { isIP } from 'node:net'
import { isInterfaceName } from '../network-record.ts'

/** What processes that open another network, or take this one down, need to know about a `host` network. */
export interface HostRecord {
  /** Six hexadecimal digits, which the alias of every interface of the network contains. */
  readonly id: string
  /** The keeper; the network ends with it. */
  readonly holder: ProcessName
  /** The process that opened the network. */
  readonly owner: number
  /** The host's boot_id: interfaces and process ids of an earlier boot are gone. */
  readonly boot: string
  readonly namespaces: Namespaces
  readonly bridge: string
  /** The earlier state of the bridge, if it was adopted. */
  readonly adopted?: Adopted
  readonly subnet: string
  readonly subnet6?: string
  /** The host's own addresses in them, with their prefix lengths. */
  readonly own: readonly string[]
}

/** The inodes of the namespaces that the record's interfaces and process ids belong to. */
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
 * The same for every user of the host, whatever their TMPDIR, because their networks can collide. Each network has a folder there that
 * everybody can read and only its user can write to. Each user acts only on their own.
 */
const PARENT = '/tmp'
const FORM = /^vitest-guest-network-([0-9a-f]{6})$/
const FILE = 'record.json'
const READABLE = 0o755

/** Locked while names and subnets are chosen: the one folder that all users have. */
export const RECORDS_LOCK = PARENT

export interface FoundRecord {
  readonly path: string
  readonly record: HostRecord
  readonly isOwn: boolean
}

export function recordPath(id: string): string {
  return join(PARENT, `vitest-guest-network-${id}`, FILE)
}

/** Call it with the lock held. */
export async function writeRecord(record: HostRecord): Promise<void> {
  const path = recordPath(record.id)
  await mkdir(dirname(path))
  // Regardless of the umask.
  await chmod(dirname(path), READABLE)
  await writeFile(path, JSON.stringify(record), { flag: 'wx' })
  await chmod(path, 0o644)
}

export async function removeRecord(path: string): Promise<void> {
  await unlink(path).catch(() => {})
  await rmdir(dirname(path)).catch(() => {})
}

/** Call it with the lock held: then an unreadable record was left by a process that died while writing it. */
export function readRecords(): Promise<FoundRecord[]> {
  return listRecords(removeRecord)
}

/** @param onBroken called for an unreadable record of this user */
export async function listRecords(onBroken: (path: string) => Promise<void> = async () => {}): Promise<FoundRecord[]> {
  const ids = (await readdir(PARENT)).flatMap((name) => FORM.exec(name)?.[1] ?? [])
  const found = await Promise.all(
    ids.map(async (id): Promise<FoundRecord[]> => {
      const path = recordPath(id)
      const { uid } = (await lstat(dirname(path)).catch(() => undefined)) ?? {}
      const isOwn = uid === process.getuid?.()
      const record = await readRecord(path)
      if (record) return [{ path, record, isOwn }]
      if (isOwn) await onBroken(path)
      return []
    }),
  )
  return found.flat()
}

/** Undefined when there is none, or one that somebody else may have written. */
export async function readRecord(path: string): Promise<HostRecord | undefined> {
  const folder = await lstat(dirname(path)).catch(() => undefined)
  if (folder?.isDirectory() !== true || (folder.mode & 0o777) !== READABLE) return undefined
  const record = parseJson(await readFileOf(folder.uid, path))
  return isHostRecord(record) && recordPath(record.id) === path ? record : undefined
}

/** Whether it belongs to the namespaces of this process; others cannot be inspected from here. */
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

/** Whether this is a valid record: another user may have written it, and lines of ip(8) are made from it. */
function isHostRecord(value: unknown): value is HostRecord {
  const { id, holder, owner, boot, namespaces, bridge, adopted, subnet, subnet6, own } = (value ??
    {}) as Partial<HostRecord>
  return (
    /^[0-9a-f]{6}$/.test(String(id)) &&
    isProcessName(holder) &&
    [owner, namespaces?.net, namespaces?.pid].every(Number.isSafeInteger) &&
    typeof boot === 'string' &&
    isInterfaceName(bridge) &&
    (adopted === undefined || isAdopted(adopted)) &&
    isCidr(subnet) &&
    (subnet6 === undefined || isCidr(subnet6)) &&
    Array.isArray(own) &&
    own.every(isCidr)
  )
}

function isAdopted({ mtu, addresses }: Partial<Adopted>): boolean {
  return Number.isSafeInteger(mtu) && Array.isArray(addresses) && addresses.every(isHostAddress)
}

function isHostAddress({ local, prefixlen, broadcast, scope }: Partial<HostAddress>): boolean {
  return (
    isCidr(`${local}/${prefixlen}`) &&
    (broadcast === undefined || isIP(String(broadcast)) !== 0) &&
    (scope === undefined || /^\w+$/.test(String(scope)))
  )
}

function isCidr(text: unknown): boolean {
  const [address = '', prefix = '', ...rest] = String(text).split('/')
  const longest = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1
  // A subnet has no zone.
  if (address.includes('%')) return false
  return rest.length === 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= longest
}
