import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ImageError } from '../errors.ts'
import { stampOf } from '../host/files/file-digest.ts'

/** Files of the cache with known digests. */
export interface Sealed {
  readonly folder: string
  /** By the files' names. */
  readonly digests: Readonly<Record<string, string>>
  readonly digestOf: (path: string, signal?: AbortSignal) => Promise<string>
}

interface Reading {
  /** Read the files even if they look as they did. @default false */
  readonly isSuspect?: boolean
  readonly onReading?: () => void
  readonly signal?: AbortSignal | undefined
}

/** Sizes and times of the files when their digests were last right; while these stay the same, the files are not read. */
const STAMPS = 'stamps'

/** What is wrong with the files; undefined when nothing is. @throws what keeps one from being read */
export async function findChange(
  sealed: Sealed,
  { isSuspect, onReading, signal }: Reading,
): Promise<string | undefined> {
  const { folder, digests, digestOf } = sealed
  const stamps = await stampsOf(folder, Object.keys(digests))
  if (!isSuspect && stamps === (await readFile(join(folder, STAMPS), 'utf8').catch(() => undefined))) return undefined
  onReading?.()
  for (const [name, digest] of Object.entries(digests)) {
    if ((await digestOf(join(folder, name), signal)) !== digest) return `the content of ${name} has changed`
  }
  // A cache that cannot be written costs the next caller the same reading.
  await replaceFile(join(folder, STAMPS), stamps).catch(() => {})
  return undefined
}

/** Notes that the files are right as they are. */
export async function noteStamps(folder: string, names: readonly string[]): Promise<void> {
  await replaceFile(join(folder, STAMPS), await stampsOf(folder, names))
}

/** The error for a damaged image, which the next start then reads, finds changed, and makes again: `again` says how, as in `rebuild it`. */
export async function damaged(folder: string, label: string, fault: string, again: string): Promise<ImageError> {
  await rm(join(folder, STAMPS), { force: true })
  return new ImageError(`The image ${label} is damaged: ${fault}`, {
    hint: `Run the tests again to ${again}. Its content changed but its size and timestamps did not: this host's disk may be failing.`,
  })
}

/** Writes a file as a whole: readers see the old text or the new one. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const aside = `${path}.${process.pid}`
  await writeFile(aside, text)
  await rename(aside, path)
}

async function stampsOf(folder: string, names: readonly string[]): Promise<string> {
  const stamp = async (name: string) => `${name} ${await stampOf(join(folder, name))}`
  return (await Promise.all(names.map(stamp))).join('\n')
}
