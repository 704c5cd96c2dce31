import { createHash } from 'node:crypto'
import { stat } from 'node:fs/promises'
import { ImageError } from '../errors.ts'
import { inspectDisk } from './inspect-disk.ts'
import type { Image } from './image.ts'

const HINT = "Give `image` the absolute path of a qcow2 or raw disk, or 'debian-12' for the built one."

/** A disk of the user's own, with its own boot loader, once it is known to be one. */
export async function openUserDisk(path: string, signal?: AbortSignal): Promise<Image> {
  const { size, mtimeMs, ino } = await stat(path).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'ENOENT' ? 'does not exist' : `cannot be read (${cause.code})`
    throw new ImageError(`The image ${path} ${why}`, { option: 'image', hint: HINT, cause })
  })
  const format = await inspectDisk(path, signal)
  const digest = createHash('sha256')
    .update(JSON.stringify([path, size, mtimeMs, ino]))
    .digest('hex')
  return { disk: path, format, digest, label: path }
}
