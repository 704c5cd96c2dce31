import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Network } from './network.ts'

/** In a network's state folder: what another process needs to look into it. */
export interface NetworkRecord extends Pick<Network, 'kind' | 'gateway'> {
  readonly bridge?: string
  /** Words that run a command inside, before its own. */
  readonly inside: readonly string[]
  /** Of the process that opened it. */
  readonly pid: number
}

export const NETWORK_RECORD = 'network.json'

export function writeNetworkRecord(folder: string, record: NetworkRecord): void {
  writeFileSync(join(folder, NETWORK_RECORD), JSON.stringify(record), { mode: 0o600 })
}
