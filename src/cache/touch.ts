import { utimes } from 'node:fs/promises'

/** Notes on a folder of the cache that it was used just now, as its modification time; `gc` goes by that. */
export async function touch(folder: string): Promise<void> {
  const now = new Date()
  // A cache that cannot be written is not cleaned up either.
  await utimes(folder, now, now).catch(() => {})
}
