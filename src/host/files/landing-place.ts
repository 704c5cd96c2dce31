import { realpath } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { kindOf } from './kind-of.ts'

export interface LandingPlace {
  /** Where it leads to, symlinks followed. */
  readonly folder: string
  /** In that folder. */
  readonly target: string
}

/**
 * Where something that comes from elsewhere may be put. The folder is the caller's word; what is at the path itself may have come from
 * elsewhere as well, by an earlier call, and a symlink would lead the next one to any place of this host.
 * @throws Node's ELOOP for a symlink; ENOENT for no such folder; an error for a pipe, socket or device
 */
export async function landingPlace(path: string): Promise<LandingPlace> {
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
