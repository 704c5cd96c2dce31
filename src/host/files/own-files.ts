import { constants, type Stats } from 'node:fs'
import { lstat, open } from 'node:fs/promises'

/** More than any record of ours has, in bytes. */
const LARGEST = 65_536
const OTHERS_MAY_WRITE = 0o022

/**
 * Whether a folder can hold only what this user has put there. In a folder that everybody can write to, a name proves nothing, and
 * neither does a symlink; a folder that is somebody's, and that nobody else can write to, can be moved there by nobody else either.
 * @param mode its permissions, exactly
 */
export async function isOwnFolder(path: string, mode = 0o700): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined)
  return found?.isDirectory() === true && found.uid === process.getuid?.() && (found.mode & 0o777) === mode
}

export async function isOwnSocket(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined)
  return found?.isSocket() === true && found.uid === process.getuid?.()
}

/** Whether this is a file of this user that nobody else may read or write. */
export async function isOwnFile(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => undefined)
  return found !== undefined && isPrivate(found)
}

/** The text of such a file; undefined when it is none, or larger than any record. */
export function readOwnFile(path: string): Promise<string | undefined> {
  return readRecordFile(path, isPrivate)
}

/** The text of a file that only its owner, one user, may write to; undefined when it is none, or larger than any record. */
export function readFileOf(uid: number, path: string): Promise<string | undefined> {
  return readRecordFile(path, (found) => found.isFile() && found.uid === uid && (found.mode & OTHERS_MAY_WRITE) === 0)
}

function isPrivate(found: Stats): boolean {
  return found.isFile() && found.uid === process.getuid?.() && (found.mode & 0o777) === 0o600
}

/** Checks the opened file, so that it cannot be replaced in between, and does not block on a FIFO. */
async function readRecordFile(path: string, isRight: (found: Stats) => boolean): Promise<string | undefined> {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
  const file = await open(path, flags).catch(() => undefined)
  if (!file) return undefined
  try {
    const found = await file.stat()
    if (!isRight(found) || found.size > LARGEST) return undefined
    const { buffer, bytesRead } = await file.read(Buffer.alloc(found.size), 0, found.size, 0)
    return buffer.toString('utf8', 0, bytesRead)
  } catch {
    return undefined
  } finally {
    await file.close()
  }
}
