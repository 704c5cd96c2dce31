import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { temporaryFolder } from '../../host/environment.ts'
import { isOwnFolder, isOwnSocket } from '../../host/files/own-files.ts'
import { stateFolders } from '../../host/files/state-folder.ts'
import { KEEPER_SOCKET } from '../../host/files/state-names.ts'
import { readNetworkRecord, type NetworkRecord } from '../../network/network-record.ts'
import { refusal } from '../../network/sweep-state.ts'
import { GUESTS, type GuestRecord, readRecord, recordFile } from './guest-record.ts'

export interface RunningGuest extends GuestRecord {
  readonly socketPath: string
  readonly keyFile: string
  readonly sshConfig: string
}

export interface RunningNetwork extends NetworkRecord {
  readonly guests: readonly RunningGuest[]
}

/** The guests that this user's processes run, oldest first; not those whose keeper is gone. */
export async function runningGuests(parent = temporaryFolder()): Promise<RunningGuest[]> {
  const found = await Promise.all((await liveFolders(parent)).map(guestsIn))
  return found.flat().sort((one, other) => one.startedAt - other.startedAt)
}

export async function runningNetworks(parent = temporaryFolder()): Promise<RunningNetwork[]> {
  const found = (await liveFolders(parent)).map(async (folder): Promise<RunningNetwork[]> => {
    const record = await readNetworkRecord(folder)
    return record ? [{ ...record, guests: await guestsIn(folder) }] : []
  })
  return (await Promise.all(found)).flat()
}

async function liveFolders(parent: string): Promise<string[]> {
  const folders = await stateFolders(parent)
  const areLive = await Promise.all(folders.map((folder) => answers(join(folder, KEEPER_SOCKET))))
  return folders.filter((_, index) => areLive[index])
}

async function guestsIn(stateFolder: string): Promise<RunningGuest[]> {
  const folder = join(stateFolder, GUESTS)
  if (!(await isOwnFolder(folder))) return []
  const ids = await readdir(folder).catch(() => [])
  const guests = ids.map(async (id): Promise<RunningGuest[]> => {
    const record = await readRecord(stateFolder, id)
    // It is being written, or removed.
    if (!record) return []
    const socketPath = join(stateFolder, KEEPER_SOCKET)
    const path = (name: 'key' | 'sshConfig') => recordFile(stateFolder, id, name)
    return [{ ...record, socketPath, keyFile: path('key'), sshConfig: path('sshConfig') }]
  })
  return (await Promise.all(guests)).flat()
}

async function answers(socketPath: string): Promise<boolean> {
  return (await isOwnSocket(socketPath)) && (await refusal(socketPath)) === undefined
}
