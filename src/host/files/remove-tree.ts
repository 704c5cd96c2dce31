import { rm } from 'node:fs/promises'
import { run } from '../program/run.ts'

/**
 * Removes a folder of ours with all that is in it, whatever permissions its folders have and however deep they are: an archive from
 * elsewhere says so. Symlinks are not followed.
 */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true })
  } catch {
    await run('chmod', ['--recursive', 'u+rwX', '--', path])
    await run('rm', ['--recursive', '--force', '--', path])
  }
}
