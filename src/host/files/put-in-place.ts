import { chmod, lstat, readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'

const OWNER_MAY_WRITE = 0o200
const OWNER_MAY_ALL = 0o700

/**
 * Moves `from` to `to`, on the same file system. A file replaces a file; a folder is merged into a folder, which keeps its other
 * entries.
 * @throws EISDIR or ENOTDIR when a file would replace a folder, or a folder a file
 */
export async function putInPlace(from: string, to: string): Promise<void> {
  const [source, target] = await Promise.all([lstat(from), lstat(to).catch(() => undefined)])
  if (target && source.isDirectory() !== target.isDirectory()) throw clash(to, target.isDirectory())
  if (target?.isDirectory()) {
    // Once empty, it is not needed any more.
    await chmod(from, source.mode | OWNER_MAY_ALL)
    for (const name of await readdir(from)) await putInPlace(join(from, name), join(to, name))
    return
  }
  // Moving a folder changes the `..` in it, so Linux requires write permission.
  const locked = source.isDirectory() && (source.mode & OWNER_MAY_WRITE) === 0
  if (locked) await chmod(from, source.mode | OWNER_MAY_WRITE)
  await rename(from, to)
  if (locked) await chmod(to, source.mode)
}

function clash(path: string, isFolder: boolean): NodeJS.ErrnoException {
  const [code, what] = isFolder ? ['EISDIR', 'Is a directory'] : ['ENOTDIR', 'Not a directory']
  return Object.assign(new Error(`${path}: ${what}`), { code, path })
}
