import { readFile, readdir, stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { temporaryFolder } from '../host/environment.ts'
import { KEEPER_SOCKET, STATE_FOLDER_PREFIX } from '../network/keeper-process.ts'
import { NETWORK_RECORD, type NetworkRecord } from '../network/network-record.ts'
import { GUESTS, RECORD_FILES, type GuestRecord } from './guest-record.ts'

/** A guest of any process of this user. */
export interface RunningGuest extends GuestRecord {
  readonly socketPath: string
  readonly keyFile: string
  readonly sshConfig: string
}

/** The guests that this user's processes run, the oldest first. A state folder whose keeper is gone holds none. */
export async function runningGuests(parent = temporaryFolder()): Promise<RunningGuest[]> {
  const names = (await list(parent)).filter((name) => name.startsWith(STATE_FOLDER_PREFIX))
  const found = await Promise.all(names.map((name) => guestsIn(join(parent, name))))
  return found.flat().sort((one, other) => one.startedAt - other.startedAt)
}

/** A network of any process of this user, with its guests. */
export interface RunningNetwork extends NetworkRecord {
  readonly guests: readonly RunningGuest[]
}

/** The networks that this user's processes have open. */
export async function runningNetworks(parent = temporaryFolder()): Promise<RunningNetwork[]> {
  const names = (await list(parent)).filter((name) => name.startsWith(STATE_FOLDER_PREFIX))
  const found = names.map(async (name): Promise<RunningNetwork[]> => {
    const folder = join(parent, name)
    if (!(await isOwn(folder)) || !(await answers(join(folder, KEEPER_SOCKET)))) return []
    const text = await readFile(join(folder, NETWORK_RECORD), 'utf8').catch(() => undefined)
    return text === undefined ? [] : [{ ...(JSON.parse(text) as NetworkRecord), guests: await guestsIn(folder) }]
  })
  return (await Promise.all(found)).flat()
}

async function guestsIn(stateFolder: string): Promise<RunningGuest[]> {
  const socketPath = join(stateFolder, KEEPER_SOCKET)
  if (!(await isOwn(stateFolder)) || !(await answers(socketPath))) return []
  const ids = await list(join(stateFolder, GUESTS))
  const guests = ids.map(async (id): Promise<RunningGuest[]> => {
    const path = (name: keyof typeof RECORD_FILES) => join(stateFolder, GUESTS, id, RECORD_FILES[name])
    try {
      const record = JSON.parse(await readFile(path('record'), 'utf8')) as GuestRecord
      return [{ ...record, socketPath, keyFile: path('key'), sshConfig: path('sshConfig') }]
    } catch {
      // It is just being written, or just being removed.
      return []
    }
  })
  return (await Promise.all(guests)).flat()
}

/** In a folder that everybody can write to, a name proves nothing. */
async function isOwn(folder: string): Promise<boolean> {
  const found = await stat(folder).catch(() => undefined)
  return found?.isDirectory() === true && found.uid === process.getuid?.()
}

function answers(socketPath: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(socketPath)
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}

async function list(folder: string): Promise<string[]> {
  return readdir(folder).catch(() => [])
}
