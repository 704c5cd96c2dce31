import { constants } from 'node:fs'
import { open } from 'node:fs/promises'
import { HostError } from '../errors.ts'

/** Reads a file that QEMU wrote in its own folder: a regular file without other links, of at most `largest` bytes. @throws HostError */
export async function readMade(path: string, largest: number): Promise<Buffer> {
  await using file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  const found = await file.stat()
  if (!found.isFile() || found.nlink !== 1 || found.size > largest) {
    throw new HostError(`${path} is not what QEMU was told to write: a file of at most ${largest} bytes`, { path })
  }
  const { buffer, bytesRead } = await file.read(Buffer.alloc(found.size), 0, found.size, 0)
  return buffer.subarray(0, bytesRead)
}
