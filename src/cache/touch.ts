import { utimes } from 'node:fs/promises'

/** Records the use of a cache folder as its modification time, for `gc`. */
export async function touch(folder: string): Promise<void> {
  const now = new Date()
  // If the cache is read-only, nothing is collected from it either.
  await utimes(folder, now, now).catch(() => {})
}
