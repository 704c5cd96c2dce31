import { randomBytes } from 'node:crypto'
import { chmodSync, chownSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { NetworkError } from '../../errors.ts'
import { temporaryFolder } from '../environment.ts'
import { isOwnFolder } from './own-files.ts'
import { makePrivateFolder } from './private-folder.ts'
import { qemuUser } from '../rights/qemu-user.ts'
import { QEMU_FOLDER } from './state-names.ts'

const PREFIX = 'vitest-guest-'
const FORM = /^vitest-guest-[0-9a-f]{12}$/

/** `struct sockaddr_un` holds 108 bytes, the last of them NUL (unix(7)); `/vitest-guest-0123456789ab/keeper.sock` takes 38. */
const LONGEST_PARENT = 107 - 38

/** The path of a new state folder. @throws NetworkError when it is too long for a socket in it */
export function newStateFolder(): string {
  const parent = temporaryFolder()
  if (Buffer.byteLength(parent) > LONGEST_PARENT) {
    throw new NetworkError(`The temporary folder's path is too long for a UNIX socket: ${parent}`, {
      hint: `Set TMPDIR to a path of at most ${LONGEST_PARENT} bytes, for example TMPDIR=/tmp.`,
    })
  }
  return join(parent, `${PREFIX}${randomBytes(6).toString('hex')}`)
}

/**
 * Creates a state folder that only this user can access. Its keeper does so too, whichever is first: QEMU, which works in it, may start
 * before the keeper is ready. Call it right after the keeper is started, which removes it: before that, a kill would leave it behind.
 */
export function makeStateFolder(folder: string): void {
  makePrivateFolder(folder)
  makePrivateFolder(qemuFolder(folder))
  const user = qemuUser()
  if (!user) return
  chownSync(qemuFolder(folder), user.uid, user.gid)
  // For the sandbox that copies a disk out (copy-disk.ts), which is neither user; nobody else gets past the parent folder.
  chmodSync(qemuFolder(folder), 0o711)
}

export function qemuFolder(stateFolder: string): string {
  return join(stateFolder, QEMU_FOLDER)
}

/** The state folders of this user's processes, including dead ones. */
export async function stateFolders(parent = temporaryFolder()): Promise<string[]> {
  const names = (await readdir(parent).catch(() => [])).filter((name) => FORM.test(name))
  const folders = names.map((name) => join(parent, name))
  const isOwn = await Promise.all(folders.map((folder) => isOwnFolder(folder)))
  return folders.filter((_, index) => isOwn[index])
}
