import { once } from 'node:events'
import { lstat, rm, statfs } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { temporaryFolder } from '../host/environment.ts'
import { stateFolders } from '../host/files/state-folder.ts'
import { KEEPER_SOCKET } from '../host/files/state-names.ts'

/** Milliseconds after which a new folder has its socket, or is gone again. */
const INFANCY = 60_000

/** Types of statfs(2): NFS, SMB1, SMB2, FUSE with virtiofs, 9p, Ceph, AFS. A socket that refuses may be another machine's there. */
const REMOTE = [0x6969, 0xff534d42, 0xfe534d42, 0x65735546, 0x01021997, 0x00c36400, 0x5346414f]

/** Removes the state folders, with the keys in them, of networks of this user whose keeper and owner were killed together. */
export async function sweepStateFolders(parent = temporaryFolder()): Promise<void> {
  const folders = await stateFolders(parent)
  const areDead = await Promise.all(folders.map(isDead))
  const dead = folders.filter((_, index) => areDead[index])
  if (dead.length === 0 || REMOTE.includes((await statfs(parent)).type)) return
  await Promise.all(dead.map((folder) => rm(folder, { recursive: true, force: true }).catch(() => {})))
}

/** A keeper listens for as long as it lives. */
async function isDead(folder: string): Promise<boolean> {
  const reason = await refusal(join(folder, KEEPER_SOCKET))
  if (reason !== 'ENOENT') return reason === 'ECONNREFUSED'
  const found = await lstat(folder).catch(() => undefined)
  return found !== undefined && Date.now() - found.mtimeMs > INFANCY
}

/** The error code of a connection; undefined when it succeeds. */
export async function refusal(socketPath: string): Promise<string | undefined> {
  const socket = connect(socketPath)
  const failure = await once(socket, 'connect').then(
    () => undefined,
    ({ code }: NodeJS.ErrnoException) => code,
  )
  socket.destroy()
  return failure
}
