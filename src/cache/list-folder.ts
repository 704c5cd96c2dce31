import type { Dirent } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { HostError } from '../errors.ts'
import { messageOf } from '../host/message-of.ts'

/**
 * The entries of a folder of the cache; none if it does not exist yet.
 * @throws HostError when it cannot be read, which does not mean that it is empty
 */
export async function listFolder(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw new HostError(`The cache cannot be read: ${messageOf(cause)}`, { cause })
  }
}
