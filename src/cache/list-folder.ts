import type { Dirent } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { HostError } from '../errors.ts'
import { messageOf } from '../host/message-of.ts'

/**
 * What is in a folder of the cache: nothing while it was not made yet.
 * @throws HostError when it cannot be read; to take that for an empty cache would be a wrong answer.
 */
export async function listFolder(folder: string): Promise<Dirent[]> {
  try {
    return await readdir(folder, { withFileTypes: true })
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw new HostError(`The cache cannot be read: ${messageOf(cause)}`, { cause })
  }
}
