import { chmod, lstat, readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'

const OWNER_MAY_WRITE = 0o200
const OWNER_MAY_ALL = 0o700

/**
 * Moves what is at `from` to `to`, on the same file system. A file takes the place of a file; a folder is merged into a
 * folder, where what has no namesake stays.
 * @throws Node's EISDIR or ENOTDIR, when one of two namesakes is a folder
 */
export async function putInPlace(from: string, to: string): Promise<void> {
  const [source, target] = await Promise.all([lstat(from), lstat(to).catch(() => undefined)])
  if (target && source.isDirectory() !== target.isDirectory()) throw clash(to, target.isDirectory())
  if (target?.isDirectory()) {
    // It is taken apart, and is not needed after that.
    await chmod(from, source.mode | OWNER_MAY_ALL)
    for (const name of await readdir(from)) await putInPlace(join(from, name), join(to, name))
    return
  }
  // A folder's `..` is in it, so that Linux moves only a folder which may be written.
  const locked = source.isDirectory() && (source.mode & OWNER_MAY_WRITE) === 0
  if (locked) await chmod(from, source.mode | OWNER_MAY_WRITE)
  await rename(from, to)
  if (locked) await chmod(to, source.mode)
}

function clash(path: string, isFolder: boolean): NodeJS.ErrnoException {
  const [code, what] = isFolder ? ['EISDIR', 'Is a directory'] : ['ENOTDIR', 'Not a directory']
  return Object.assign(new Error(`${path}: ${what}`), { code, path })
}
