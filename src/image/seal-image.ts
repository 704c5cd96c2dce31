import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { damaged, findChange, noteStamps, replaceFile, type Sealed } from '../cache/seal.ts'
import { digestOf } from '../host/files/file-digest.ts'
import { digestOfDisk } from './disk/data-extents.ts'

/** The files of a built image that a guest boots from. */
export const IMAGE_FILES = { disk: 'disk.raw', kernel: 'kernel', initrd: 'initrd' } as const
/** SHA-256 of each file, as it was built. */
const DIGESTS = 'digests.json'

/** Records the digests of a new image. */
export async function sealImage(folder: string, signal?: AbortSignal): Promise<void> {
  await replaceFile(join(folder, DIGESTS), await digestsOf(folder, signal))
  await noteStamps(folder, Object.values(IMAGE_FILES))
}

/** The digests of an image. They are computed for an image of a release that recorded none. */
async function knownDigests(folder: string, signal: AbortSignal | undefined): Promise<string> {
  try {
    return await readFile(join(folder, DIGESTS), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const text = await digestsOf(folder, signal)
  // A cache that cannot be written costs the next caller the same reading.
  await replaceFile(join(folder, DIGESTS), text).catch(() => {})
  return text
}

async function digestsOf(folder: string, signal: AbortSignal | undefined): Promise<string> {
  const digests: Record<string, string> = {}
  for (const name of Object.values(IMAGE_FILES)) digests[name] = await digestOfFile(join(folder, name), signal)
  return JSON.stringify(digests)
}

/** The digest of a built image as a whole, or what is wrong with it. */
export type Soundness = { readonly digest: string } | { readonly fault: string; readonly isAbsent: boolean }

/**
 * Whether an image is as it was built. Its files are only read if their sizes or times have changed, or if it is suspect.
 */
export async function inspectImage(
  folder: string,
  { isSuspect = false, signal }: { isSuspect?: boolean; signal?: AbortSignal | undefined } = {},
): Promise<Soundness> {
  try {
    const text = await knownDigests(folder, signal)
    const sealed: Sealed = { folder, digests: JSON.parse(text) as Sealed['digests'], digestOf: digestOfFile }
    const fault = await findChange(sealed, { isSuspect, signal })
    if (fault !== undefined) return { fault, isAbsent: false }
    return { digest: createHash('sha256').update(text).digest('hex') }
  } catch (error) {
    signal?.throwIfAborted()
    const isAbsent = (await stat(folder).catch(() => undefined)) === undefined
    return { fault: (error as Error).message, isAbsent }
  }
}

/**
 * Reads all of a built image, before a template is built on it.
 * @throws ImageError when it is not as it was built; the next start then rebuilds it
 */
export async function requireSoundImage(folder: string, label: string, signal?: AbortSignal): Promise<void> {
  const found = await inspectImage(folder, { isSuspect: true, signal })
  if ('fault' in found) throw await damaged(folder, label, found.fault, 'rebuild it')
}

function digestOfFile(path: string, signal?: AbortSignal): Promise<string> {
  return basename(path) === IMAGE_FILES.disk ? digestOfDisk(path, signal) : digestOf(path, signal)
}
