import { lstatSync, mkdirSync } from 'node:fs'

/** Makes a folder for this user alone, unless it is there as such. @throws when something else has that name */
export function makePrivateFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (!found?.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o777) !== 0o700) throw error
  }
}
