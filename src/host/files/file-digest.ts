import { createHash } from 'node:crypto'
import { open, stat } from 'node:fs/promises'

/** Part of a file, in bytes. */
export interface Extent {
  readonly start: number
  readonly length: number
}

const CHUNK = 1024 * 1024
const ZEROS = Buffer.alloc(CHUNK)

/**
 * SHA-256 of a file. Zeros, which are most of a guest's RAM and disk, count only by their position.
 * @param extents where the data is, in order, if that is known; the rest is not read
 */
export async function digestOf(path: string, signal?: AbortSignal, extents?: readonly Extent[]): Promise<string> {
  const hash = createHash('sha256')
  await using file = await open(path)
  const { size } = await file.stat()
  const left = extents && [...extents]
  const hasData = (at: number) => {
    if (!left) return true
    while (left[0] && left[0].start + left[0].length <= at) left.shift()
    return left[0] !== undefined && left[0].start < at + CHUNK
  }
  const buffer = Buffer.allocUnsafe(CHUNK)
  let at = 0
  while (at < size) {
    signal?.throwIfAborted()
    if (!hasData(at)) {
      at = Math.min(at + CHUNK, size)
      continue
    }
    const { bytesRead } = await file.read(buffer, 0, CHUNK, at)
    if (bytesRead === 0) break
    const chunk = buffer.subarray(0, bytesRead)
    if (!chunk.equals(ZEROS.subarray(0, bytesRead))) hash.update(`at ${at} `).update(chunk)
    at += bytesRead
  }
  return hash.update(`end ${at}`).digest('hex')
}

/** Size, times and inode: writing to a file changes them. */
export async function stampOf(path: string): Promise<string> {
  const { size, mtimeNs, ctimeNs, ino } = await stat(path, { bigint: true })
  return [size, mtimeNs, ctimeNs, ino].join(' ')
}
