import { lstat } from 'node:fs/promises'

export type Kind = 'file' | 'folder' | 'symlink' | 'pipe' | 'socket' | 'device'

/** The kind of file at a path; symlinks are not followed. Undefined when there is none. */
export async function kindOf(path: string): Promise<Kind | undefined> {
  const stats = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (!stats) return undefined
  if (stats.isFile()) return 'file'
  if (stats.isDirectory()) return 'folder'
  if (stats.isSymbolicLink()) return 'symlink'
  if (stats.isFIFO()) return 'pipe'
  return stats.isSocket() ? 'socket' : 'device'
}
