import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import { ImageError } from '../../errors.ts'

/** Opens a regular, readable file; a FIFO would block. @throws ImageError */
export async function openDisk(path: string): Promise<FileHandle> {
  let file: FileHandle | undefined
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK)
    const stats = await file.stat()
    if (!stats.isFile()) throw bad(path, stats.isDirectory() ? 'is a folder' : 'is not a regular file')
    return file
  } catch (cause) {
    await file?.close()
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
