import { lstat, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** The unit of stat's `blocks` on every file system (stat(2)). */
const BLOCK = 512

/** Bytes that a file or a folder occupies, without holes, and without what cannot be read. */
export async function diskUsage(path: string): Promise<number> {
  const facts = await lstat(path).catch(() => undefined)
  if (!facts) return 0
  let bytes = facts.blocks * BLOCK
  if (!facts.isDirectory()) return bytes
  for (const name of await readdir(path).catch(() => [])) bytes += await diskUsage(join(path, name))
  return bytes
}
