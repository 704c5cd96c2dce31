import { rm } from 'node:fs/promises'
import { run } from '../program/run.ts'

/**
 * Removes a folder with its contents, whatever their permissions and depth, which an untrusted archive may have chosen. Does not
 * follow symlinks.
 */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true })
  } catch {
    await run('chmod', ['--recursive', 'u+rwX', '--', path])
    await run('rm', ['--recursive', '--force', '--', path])
  }
}
