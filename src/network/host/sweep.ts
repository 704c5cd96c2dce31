import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { holdLock } from '../../host/program/lock.ts'
import { messageOf } from '../../host/message-of.ts'
import { requireAdmin } from '../../host/rights/net-admin.ts'
import { isAlive } from '../../host/program/process-name.ts'
import { warnOnce } from '../../host/warn-once.ts'
import {
  bootId,
  type FoundRecord,
  type HostRecord,
  isHere,
  listRecords,
  ownNamespaces,
  readRecords,
  RECORDS_LOCK,
  removeRecord,
} from './host-record.ts'
import { ipAs, takeDown, type Ip } from './take-down.ts'

/** `stays`: the network is up, or cannot be inspected. `left`: it must be taken down. `gone`: only the record is left. */
type Fate = 'stays' | 'left' | 'gone'

/** Where `ip netns` keeps namespaces, possibly without processes. */
const NAMED = '/run/netns'

/** Takes down what dead processes of this user left in this namespace. Returns the other records. */
export async function sweep(found: readonly FoundRecord[], ip: Ip): Promise<HostRecord[]> {
  const stay: HostRecord[] = []
  for (const each of found) {
    const fate = await fateOf(each)
    if (fate === 'stays') stay.push(each.record)
    else if (fate === 'left') await takeDown(each.path, ip)
    else await removeRecord(each.path)
  }
  return stay
}

/** The same before a network of another kind is opened, where a failure is only a warning. */
export async function sweepOthers(signal?: AbortSignal): Promise<void> {
  try {
    const fates = await Promise.all((await listRecords()).map(fateOf))
    if (fates.every((fate) => fate === 'stays')) return
    // Removing a record needs no rights.
    const admin = fates.includes('left') ? await requireAdmin() : []
    await using _ = await holdLock(RECORDS_LOCK, signal)
    await sweep(await readRecords(), ipAs(admin))
  } catch (error) {
    signal?.throwIfAborted()
    warnOnce(`A host network that a killed process left behind cannot be taken down: ${messageOf(error)}`)
  }
}

async function fateOf({ record, isOwn }: FoundRecord): Promise<Fate> {
  if (!isOwn) return 'stays'
  // Interfaces do not survive a reboot.
  if (record.boot !== bootId()) return 'gone'
  if (record.namespaces.pid !== ownNamespaces().pid || isAlive(record.holder)) return 'stays'
  if (isHere(record)) return 'left'
  return (await isGone(record.namespaces.net)) ? 'gone' : 'stays'
}

/** The uid_map of the host's own user namespace (user_namespaces(7)). */
const EVERYBODY = /^\s*0\s+0\s+4294967295\s*$/

/** Whether a network namespace has no processes and no name; false if that is unknown, as in a user namespace, which hides processes. */
async function isGone(namespace: number): Promise<boolean> {
  if (!EVERYBODY.test(await readFile('/proc/self/uid_map', 'utf8'))) return false
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  const used = await Promise.all(pids.map((pid) => inodeOf(`/proc/${pid}/ns/net`)))
  const named = (await readdir(NAMED).catch(() => [])).map((name) => inodeOf(join(NAMED, name)))
  return ![...used, ...(await Promise.all(named))].includes(namespace)
}

async function inodeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.ino
}
