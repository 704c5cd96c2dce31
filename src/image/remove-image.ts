import { mkdtemp, rename, rm } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { listFolder } from '../cache/list-folder.ts'
import { underLock } from '../host/program/lock.ts'
import { userOf } from '../cache/user-of.ts'
import { removeAsRoot } from './build/build-step.ts'
import { BUILDING, DOWNLOADING, imagesFolder } from './images-folder.ts'

const LOCK = '.lock'

/**
 * Removes an image that is not in use; the caller must check whether templates are based on it.
 * @returns who uses it, if it therefore stays
 */
export async function removeImage(name: string, { dryRun = false } = {}): Promise<string | undefined> {
  const folder = join(imagesFolder(), name)
  const user = await userOf(folder)
  if (user !== undefined || dryRun) return user
  // Renamed first, so that it disappears at once; if this process is killed, the rest looks like a dead build.
  const aside = await mkdtemp(join(imagesFolder(), BUILDING))
  await rename(folder, join(aside, 'image'))
  await rm(aside, { recursive: true, force: true })
  return undefined
}

/** The folders of builds, running or dead. */
export async function listImageBuilds(): Promise<string[]> {
  const names = (await listFolder(imagesFolder())).map(({ name }) => name)
  return names.filter((name) => name.startsWith(BUILDING))
}

/**
 * Removes the leftovers of a dead build.
 * @returns who is building, if they therefore stay
 */
export async function removeImageBuild(name: string, { dryRun = false } = {}): Promise<string | undefined> {
  return underLock(join(imagesFolder(), LOCK), async () => {
    if (!dryRun) await removeAsRoot(join(imagesFolder(), name))
    return undefined
  })
}

/** Unfinished downloads, running or not, and the locks of finished ones: each by the name of its folder or file. */
export async function listDownloads(): Promise<{ readonly unfinished: string[]; readonly locks: string[] }> {
  const names = (await listFolder(imagesFolder()))
    .map(({ name }) => name)
    .filter((name) => name.startsWith(DOWNLOADING))
  const unfinished = names.filter((name) => !name.endsWith(LOCK))
  const locks = names.filter((name) => name.endsWith(LOCK) && !unfinished.includes(basename(name, LOCK)))
  return { unfinished, locks }
}

/**
 * Removes an unfinished download that is not running, or the lock of one.
 * @returns who is downloading, if it therefore stays
 */
export async function removeDownload(name: string, { dryRun = false } = {}): Promise<string | undefined> {
  return underLock(join(imagesFolder(), `${basename(name, LOCK)}${LOCK}`), async () => {
    if (!dryRun) await rm(join(imagesFolder(), name), { recursive: true, force: true })
    return undefined
  })
}
