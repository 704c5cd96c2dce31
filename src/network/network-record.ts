import { writeFileSync } from 'node:fs'
import { isIP } from 'node:net'
import { join } from 'node:path'
import { readOwnFile } from '../host/files/own-files.ts'
import { parseJson } from '../host/parse-json.ts'
import { isProcessName, type ProcessName } from '../host/program/process-name.ts'
import type { Network } from './network.ts'

/** In a network's state folder: what another process needs to inspect the network. Facts only; nothing in it is ever run. */
export interface NetworkRecord extends Pick<Network, 'kind' | 'gateway'> {
  readonly bridge?: string
  readonly keeper: ProcessName
  /** Of the process that opened it. */
  readonly pid: number
}

const FILE = 'network.json'
const KINDS: readonly unknown[] = ['private', 'host', 'user'] satisfies Network['kind'][]
/** IFNAMSIZ is 16, with the NUL; stricter than the kernel about characters. */
const INTERFACE = /^[\w.-]{1,15}$/

export function writeNetworkRecord(folder: string, record: NetworkRecord): void {
  writeFileSync(join(folder, FILE), JSON.stringify(record), { mode: 0o600 })
}

/** The record in a state folder of this user; undefined when there is no valid one. */
export async function readNetworkRecord(folder: string): Promise<NetworkRecord | undefined> {
  const record = parseJson(await readOwnFile(join(folder, FILE)))
  return isNetworkRecord(record) ? record : undefined
}

function isNetworkRecord(value: unknown): value is NetworkRecord {
  const { kind, bridge, gateway, keeper, pid } = (value ?? {}) as Partial<NetworkRecord>
  return (
    KINDS.includes(kind) &&
    (bridge === undefined || isInterfaceName(bridge)) &&
    isIP(String(gateway)) !== 0 &&
    isProcessName(keeper) &&
    Number.isSafeInteger(pid)
  )
}

export function isInterfaceName(name: unknown): name is string {
  return typeof name === 'string' && INTERFACE.test(name)
}
