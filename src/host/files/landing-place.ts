import { lstat, realpath } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'

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

/**
 * Where untrusted files may be put. The caller chose the folder, but what is at the path itself may be untrusted too, from an earlier
 * call: a symlink there could lead anywhere on this host.
 * @returns the folder, symlinks followed, and the target in it
 * @throws Node's ELOOP for a symlink; ENOENT for no such folder; an error for a pipe, socket or device
 */
export async function landingPlace(path: string): Promise<{ folder: string; target: string }> {
  const whole = resolve(path)
  const folder = await realpath(dirname(whole))
  const target = join(folder, basename(whole))
  const kind = await kindOf(target)
  if (kind === 'symlink') {
    throw Object.assign(new Error(`${path}: Is a symlink, which is not followed`), { code: 'ELOOP', path })
  }
  if (kind !== undefined && kind !== 'file' && kind !== 'folder') throw new Error(`${path}: Is a ${kind}`)
  return { folder, target }
}
