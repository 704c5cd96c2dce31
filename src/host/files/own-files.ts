import { constants, type Stats } from 'node:fs'
import { lstat, open } from 'node:fs/promises'

/** Bytes; none of our records is this large. */
const LARGEST = 65_536
const OTHERS_MAY_WRITE = 0o022

/**
 * Whether only this user can have put files into a folder. In a parent that everybody can write to, a name or a symlink proves nothing;
 * but nobody else can have moved a folder there that belongs to this user and that only they can write to.
 * @param mode its exact permissions
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

/** The text of such a file; undefined for any other, and for one larger than any record. */
export function readOwnFile(path: string): Promise<string | undefined> {
  return readRecordFile(path, isPrivate)
}

/** The text of a file that only this user may write to; undefined for any other, and for one larger than any record. */
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
