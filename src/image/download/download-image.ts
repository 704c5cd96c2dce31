import { mkdir, mkdtemp, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ImageError } from '../../errors.ts'
import { takeLock, type Lock } from '../../host/program/lock.ts'
import type { Image, Progress } from '../image.ts'
import { BUILDING, DOWNLOADING, imagesFolder } from '../images-folder.ts'
import { DigestError, isNoSpace, wrongDigest } from './download-errors.ts'
import { DownloadProgress } from './download-progress.ts'
import { openDownloaded } from './open-downloaded.ts'
import { findDownloaded, folderName } from './origin.ts'
import { PartFile } from './part-file.ts'
import { LARGEST, receive, type Receive } from './receive.ts'
import { takeIn } from './take-in.ts'
import { plainName, type Wanted } from './wanted.ts'

/** Characters of the digest in the name of an unfinished download. */
const DIGITS = 32

/**
 * The image in the cache, downloaded if necessary. One process downloads it, others wait for it. Downloads interrupted by a kill or a
 * broken connection are resumed.
 * @throws ImageError; HostError; the signal's reason
 */
export async function downloadImage(wanted: Wanted, onProgress: Progress, signal?: AbortSignal): Promise<Image> {
  const { label, digest } = wanted
  const found = await findSound(wanted, onProgress, signal)
  if (found && !('fault' in found)) return found
  const images = imagesFolder()
  await mkdir(images, { recursive: true })
  const unfinished = join(images, `${DOWNLOADING}${digest.slice(digest.indexOf(':') + 1).slice(0, DIGITS)}`)
  await using lock = await takeLock(`${unfinished}.lock`, label, onProgress, signal, 'downloading')
  const others = await findSound(wanted, onProgress, signal)
  if (others && !('fault' in others)) return others
  if (others) onProgress(`downloading the image ${label} again: ${others.fault}`)
  await fetchInto(unfinished, wanted, lock, onProgress, signal)
  await using aside = await removable(images)
  // Machines that use the broken image keep its files open.
  if (others) await rename(others.folder, join(aside.path, 'broken'))
  await rename(unfinished, join(images, folderName(plainName(wanted), digest)))
  const image = await findSound(wanted, onProgress, signal)
  if (image && !('fault' in image)) return image
  throw new ImageError(`The image ${label} was downloaded, but cannot be read: ${image?.fault ?? 'it has gone'}`)
}

async function findSound(
  { label, digest }: Wanted,
  onProgress: Progress,
  signal: AbortSignal | undefined,
): Promise<Image | { fault: string; folder: string } | undefined> {
  const found = await findDownloaded(digest)
  if (!found) return undefined
  const opened = await openDownloaded(found, label, onProgress, signal)
  return 'fault' in opened ? { ...opened, folder: found.folder } : opened
}

/** Leaves the image in `folder`, or what the next attempt can resume, or nothing. */
async function fetchInto(
  folder: string,
  wanted: Wanted,
  lock: Lock,
  onProgress: Progress,
  signal: AbortSignal | undefined,
): Promise<void> {
  using progress = new DownloadProgress(wanted.label, onProgress, (state) => lock.tell(state))
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const path = join(folder, 'part')
  try {
    await fetchPart(path, wanted, { folder, progress, signal, silenceMs: wanted.silenceMs })
  } catch (error) {
    const { size } = await stat(path).catch(() => ({ size: 0 }))
    const isUseless = error instanceof DigestError || isNoSpace(error) || size === 0 || size > LARGEST
    if (isUseless) await rm(folder, { recursive: true, force: true })
    throw error
  }
  progress.done()
  try {
    await takeIn(wanted, folder, progress, signal)
  } catch (error) {
    // If xz is missing, for example, it need not be downloaded again.
    const isItsOwn = error instanceof ImageError && signal?.aborted !== true
    if (isItsOwn) await rm(folder, { recursive: true, force: true })
    throw error
  }
}

async function fetchPart(path: string, wanted: Wanted, how: Receive): Promise<void> {
  await using part = await PartFile.open(path, wanted.digest, how.signal)
  const isResumed = part.size > 0
  // The process may have been killed after the last byte.
  if (isResumed && (await part.digest()) === wanted.digest) return
  await receive(wanted, part, how)
  if ((await part.digest()) === wanted.digest) return
  if (isResumed) {
    // The part may be of another file, or damaged by a power cut.
    how.progress.say('what an earlier download has left is damaged; starting over')
    await part.restart()
    await receive(wanted, part, how)
  }
  const found = await part.digest()
  if (found !== wanted.digest) throw wrongDigest(wanted, found, part.size)
}

/** A folder that looks like a dead build, and is removed as one. */
async function removable(images: string): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(images, BUILDING))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}
