import { lstatSync, mkdirSync } from 'node:fs'

/** Creates a folder that only this user can access, unless it exists. @throws when anything else has that name */
export function makePrivateFolder(path: string): void {
  try {
    mkdirSync(path, { mode: 0o700 })
  } catch (error) {
    const found = lstatSync(path, { throwIfNoEntry: false })
    if (!found?.isDirectory() || found.uid !== process.getuid?.() || (found.mode & 0o777) !== 0o700) throw error
  }
}
