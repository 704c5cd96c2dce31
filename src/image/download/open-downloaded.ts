import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { damaged, findChange, type Sealed } from '../../cache/seal.ts'
import { touch } from '../../cache/touch.ts'
import { messageOf } from '../../host/message-of.ts'
import type { Digest } from '../../options/image.ts'
import { openUserDisk } from '../disk/user-disk.ts'
import type { Image, Progress } from '../image.ts'
import type { Origin } from './origin.ts'

const CHUNK = 1024 * 1024

/**
 * A downloaded image that is known to be unchanged: its disk is read through if its size or times have changed.
 * @returns what is wrong with it, if it has changed
 */
export async function openDownloaded(
  { folder, origin }: { folder: string; origin: Origin },
  label: string,
  onProgress: Progress,
  signal?: AbortSignal,
): Promise<Image | { readonly fault: string }> {
  const path = join(folder, origin.disk)
  const sealed: Sealed = {
    folder,
    digests: { [origin.disk]: origin.content },
    digestOf: (file, reading) => digestOfFile(file, origin.content, reading),
  }
  try {
    const onReading = () => onProgress(`${label}: reading the disk, which was changed or moved`)
    const fault = await findChange(sealed, { signal, onReading })
    if (fault !== undefined) return { fault }
    const { disk, size } = await openUserDisk({ path }, onProgress, signal)
    await touch(folder)
    const digest = createHash('sha256').update(`${disk.format} ${origin.content}`).digest('hex')
    const verify = async (reading?: AbortSignal) => {
      const change = await findChange(sealed, { isSuspect: true, signal: reading })
      if (change !== undefined) throw await damaged(folder, label, change, 'download it again')
    }
    return { disk, size, label, digest: () => Promise.resolve(digest), verify }
  } catch (error) {
    signal?.throwIfAborted()
    return { fault: messageOf(error) }
  }
}

/** @param like a digest by the same algorithm */
export async function digestOfFile(path: string, like: Digest, signal?: AbortSignal): Promise<Digest> {
  const algorithm = like.slice(0, like.indexOf(':')) as 'sha256' | 'sha512'
  const hash = createHash(algorithm)
  const stream = createReadStream(path, { highWaterMark: CHUNK, ...(signal && { signal }) })
  for await (const chunk of stream as AsyncIterable<Buffer>) hash.update(chunk)
  return `${algorithm}:${hash.digest('hex')}`
}
