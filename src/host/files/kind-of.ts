import { lstat } from 'node:fs/promises'

export type Kind = 'file' | 'folder' | 'symlink' | 'pipe' | 'socket' | 'device'

/** What is at a path, itself: a symlink is not followed. Undefined when there is nothing. */
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
