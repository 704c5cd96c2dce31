import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { touch } from '../../cache/touch.ts'
import { ImageError } from '../../errors.ts'
import { stampOf } from '../../host/files/file-digest.ts'
import { messageOf } from '../../host/message-of.ts'
import type { Digest } from '../../options/image.ts'
import { openUserDisk } from '../disk/user-disk.ts'
import type { Image, Progress } from '../image.ts'
import type { Origin } from './origin.ts'

/** Size and times of the disk when it was found to be right: what spares its being read again. */
const STAMP = 'stamp'
const CHUNK = 1024 * 1024

/**
 * A downloaded image, once it is known to be as it was downloaded: its disk is read through when its size or times have changed.
 * @returns what is wrong with it, otherwise
 */
export async function openDownloaded(
  { folder, origin }: { folder: string; origin: Origin },
  label: string,
  onProgress: Progress,
  signal?: AbortSignal,
): Promise<Image | { readonly fault: string }> {
  const path = join(folder, origin.disk)
  try {
    const stamp = await stampOf(path)
    if ((await readFile(join(folder, STAMP), 'utf8').catch(() => undefined)) !== stamp) {
      onProgress(`${label}: reading the disk, which was changed or moved`)
      if ((await digestOfFile(path, origin.content, signal)) !== origin.content) {
        return { fault: `the content of ${origin.disk} has changed` }
      }
      await noteStamp(folder, origin).catch(() => {})
    }
    const { disk, size } = await openUserDisk({ path }, onProgress, signal)
    await touch(folder)
    const digest = createHash('sha256').update(`${disk.format} ${origin.content}`).digest('hex')
    const verify = (reading?: AbortSignal) => requireSound(folder, origin, label, reading)
    return { disk, size, label, digest: () => Promise.resolve(digest), verify }
  } catch (error) {
    signal?.throwIfAborted()
    return { fault: messageOf(error) }
  }
}

/** Notes that the disk is right as it is. */
export async function noteStamp(folder: string, { disk }: Origin): Promise<void> {
  const aside = join(folder, `${STAMP}.${process.pid}`)
  await writeFile(aside, await stampOf(join(folder, disk)))
  await rename(aside, join(folder, STAMP))
}

/** @param like a digest by the same algorithm */
export async function digestOfFile(path: string, like: Digest, signal?: AbortSignal): Promise<Digest> {
  const algorithm = like.slice(0, like.indexOf(':')) as 'sha256' | 'sha512'
  const hash = createHash(algorithm)
  const stream = createReadStream(path, { highWaterMark: CHUNK, ...(signal && { signal }) })
  for await (const chunk of stream as AsyncIterable<Buffer>) hash.update(chunk)
  return `${algorithm}:${hash.digest('hex')}`
}

async function requireSound(folder: string, origin: Origin, label: string, signal?: AbortSignal): Promise<void> {
  if ((await digestOfFile(join(folder, origin.disk), origin.content, signal)) === origin.content) return
  await rm(join(folder, STAMP), { force: true })
  throw new ImageError(`The image ${label} is damaged: the content of ${origin.disk} has changed`, {
    hint: "Run the tests again to download it again. Its content changed but its size and timestamps did not: this host's disk may be failing.",
  })
}
