import { createHash } from 'node:crypto'
import { access, constants, stat } from 'node:fs/promises'
import { ImageError } from '../errors.ts'
import { inspectDisk } from './inspect-disk.ts'
import type { Image } from './image.ts'

/** A disk of the user's own, with its own boot loader, once it is known to be one. */
export async function openUserDisk(path: string, signal?: AbortSignal): Promise<Image> {
  const { size, mtimeMs, ino } = await statDisk(path)
  const format = await inspectDisk(path, signal)
  const digest = createHash('sha256')
    .update(JSON.stringify([path, size, mtimeMs, ino]))
    .digest('hex')
  return { disk: path, format, digest, label: path }
}

async function statDisk(path: string) {
  try {
    const stats = await stat(path)
    if (!stats.isFile()) throw bad(path, stats.isDirectory() ? 'is a folder' : 'is not a regular file')
    await access(path, constants.R_OK)
    return stats
  } catch (cause) {
    if (cause instanceof ImageError) throw cause
    const { code } = cause as NodeJS.ErrnoException
    throw bad(path, code === 'ENOENT' ? 'does not exist' : `cannot be read (${code})`, cause)
  }
}

function bad(path: string, what: string, cause?: unknown): ImageError {
  const hint =
    "Give `image` the absolute path of a qcow2 or raw disk that you may read, or 'debian-12' for the built one."
  return new ImageError(`The image ${path} ${what}`, { option: 'image', hint, cause })
}
