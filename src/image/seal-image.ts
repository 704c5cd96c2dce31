import { createHash } from 'node:crypto'
import { readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ImageError } from '../errors.ts'
import { digestOf, stampOf } from '../host/files/file-digest.ts'
import { dataExtents } from './disk/data-extents.ts'

/** What of a built image a guest boots from. */
export const IMAGE_FILES = { disk: 'disk.raw', kernel: 'kernel', initrd: 'initrd' } as const
/** SHA-256 of each file, as it was built. */
const DIGESTS = 'digests.json'
/** Sizes and times of the files when they were found to be right: what spares their being read again. */
const STAMPS = 'stamps'

/** Notes what a new image is known by. */
export async function sealImage(folder: string, signal?: AbortSignal): Promise<void> {
  await put(folder, DIGESTS, await digestsOf(folder, signal))
  await put(folder, STAMPS, await stampsOf(folder))
}

/** The digests of an image. One of a release that kept none is taken as it is, once. */
async function knownDigests(folder: string, signal: AbortSignal | undefined): Promise<string> {
  try {
    return await readFile(join(folder, DIGESTS), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const text = await digestsOf(folder, signal)
  // A cache that cannot be written costs the next caller the same reading.
  await put(folder, DIGESTS, text).catch(() => {})
  return text
}

async function digestsOf(folder: string, signal: AbortSignal | undefined): Promise<string> {
  const digests: Record<string, string> = {}
  for (const name of Object.values(IMAGE_FILES)) digests[name] = await digest(folder, name, signal)
  return JSON.stringify(digests)
}

/** The digest of a built image as a whole, or what is wrong with it. */
export type Soundness = { readonly digest: string } | { readonly fault: string; readonly isAbsent: boolean }

/**
 * Whether an image is as it was built. Sizes and times are looked at; the files are only read when these have changed, or when it
 * is suspect.
 */
export async function inspectImage(
  folder: string,
  { isSuspect = false, signal }: { isSuspect?: boolean; signal?: AbortSignal | undefined } = {},
): Promise<Soundness> {
  try {
    const stamps = await stampsOf(folder)
    const text = await knownDigests(folder, signal)
    const known = await readFile(join(folder, STAMPS), 'utf8').catch(() => undefined)
    if (isSuspect || stamps !== known) {
      const changed = await changedFile(folder, JSON.parse(text) as Record<string, string>, signal)
      if (changed !== undefined) return { fault: `the content of ${changed} has changed`, isAbsent: false }
      await put(folder, STAMPS, stamps).catch(() => {})
    }
    return { digest: createHash('sha256').update(text).digest('hex') }
  } catch (error) {
    signal?.throwIfAborted()
    const isAbsent = (await stat(folder).catch(() => undefined)) === undefined
    return { fault: (error as Error).message, isAbsent }
  }
}

/**
 * Reads a built image through before something is built upon it.
 * @throws ImageError when it is not as it was built; the next start then rebuilds it
 */
export async function requireSoundImage(folder: string, label: string, signal?: AbortSignal): Promise<void> {
  const found = await inspectImage(folder, { isSuspect: true, signal })
  if (!('fault' in found)) return
  await rm(join(folder, STAMPS), { force: true })
  throw new ImageError(`The image ${label} is damaged: ${found.fault}`, {
    hint: "Run the tests again to rebuild it. Its content changed but its size and timestamps did not: this host's disk may be failing.",
  })
}

async function changedFile(
  folder: string,
  digests: Readonly<Record<string, string>>,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  for (const name of Object.values(IMAGE_FILES)) {
    if ((await digest(folder, name, signal)) !== digests[name]) return name
  }
  return undefined
}

async function digest(folder: string, name: string, signal: AbortSignal | undefined): Promise<string> {
  const path = join(folder, name)
  return digestOf(path, signal, name === IMAGE_FILES.disk ? await dataExtents(path, signal) : undefined)
}

async function put(folder: string, name: string, text: string): Promise<void> {
  const aside = join(folder, `${name}.${process.pid}`)
  await writeFile(aside, text)
  await rename(aside, join(folder, name))
}

async function stampsOf(folder: string): Promise<string> {
  const stamp = async (name: string) => `${name} ${await stampOf(join(folder, name))}`
  return (await Promise.all(Object.values(IMAGE_FILES).map(stamp))).join('\n')
}
