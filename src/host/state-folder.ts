import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { NetworkError } from '../errors.ts'
import { temporaryFolder } from './environment.ts'
import { isOwnFolder } from './own-files.ts'

const PREFIX = 'vitest-guest-'
const FORM = /^vitest-guest-[0-9a-f]{12}$/

/** `struct sockaddr_un` holds 108 bytes, the last of them NUL (unix(7)); `/vitest-guest-0123456789ab/keeper.sock` takes 38. */
const LONGEST_PARENT = 107 - 38

/** A name for a state folder, which is to be made with mode 0700. @throws NetworkError when a socket in it could not have its path */
export function newStateFolder(): string {
  const parent = temporaryFolder()
  if (Buffer.byteLength(parent) > LONGEST_PARENT) {
    throw new NetworkError(`The temporary folder's path is too long for a UNIX socket: ${parent}`, {
      hint: `Set TMPDIR to a path of at most ${LONGEST_PARENT} bytes, for example TMPDIR=/tmp.`,
    })
  }
  return join(parent, `${PREFIX}${randomBytes(6).toString('hex')}`)
}

/** The state folders of this user's processes, also those of dead ones. */
export async function stateFolders(parent = temporaryFolder()): Promise<string[]> {
  const names = (await readdir(parent).catch(() => [])).filter((name) => FORM.test(name))
  const folders = names.map((name) => join(parent, name))
  const isOwn = await Promise.all(folders.map((folder) => isOwnFolder(folder)))
  return folders.filter((_, index) => isOwn[index])
}
