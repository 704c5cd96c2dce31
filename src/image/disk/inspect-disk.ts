import type { FileHandle } from 'node:fs/promises'
import { ImageError } from '../../errors.ts'
import { inspectQcow2 } from './inspect-qcow2.ts'
import { looksLike, SIGNATURE_BYTES } from './disk-signature.ts'
import { endOfPartitions } from './partition-table.ts'
import type { Qcow2Header } from './qcow2-header.ts'

/** A disk that QEMU can boot. */
export interface Inspected {
  readonly format: 'qcow2' | 'raw'
  /** Bytes that a guest sees. */
  readonly size: number
  readonly backing?: Qcow2Header['backing']
}

/** @throws ImageError saying what the file is instead, or what is wrong with it. */
export async function inspectDisk(path: string, file: FileHandle, signal?: AbortSignal): Promise<Inspected> {
  const head = await readHead(file)
  const looks = looksLike(head)
  if (looks.format === undefined) {
    throw new ImageError(`The image ${path} is not a disk: it is ${looks.like}`, {
      option: 'image',
      hint: looks.convertible
        ? `Convert it: qemu-img convert -O qcow2 ${path} disk.qcow2`
        : looks.compression !== undefined
          ? 'Unpack it first; a guest boots from a qcow2 or raw disk.'
          : 'A guest boots from a qcow2 or raw disk with a boot loader; is this the right file?',
    })
  }
  if (looks.format === 'raw') return { format: 'raw', size: await wholeSize(path, file, head) }
  const { size, backing } = await inspectQcow2(path, file, signal)
  return { format: 'qcow2', size, backing }
}

/** @throws ImageError when a partition reaches beyond the end */
async function wholeSize(path: string, file: FileHandle, head: Buffer): Promise<number> {
  const { size } = await file.stat()
  const end = endOfPartitions(head)
  if (end <= size) return size
  throw new ImageError(
    `The image ${path} is truncated: it has ${size} bytes, but its partition table needs at least ${end}`,
    {
      option: 'image',
      hint: `Fetch it again, and compare its size and checksum. If nothing but zeroes is missing: qemu-img resize -f raw ${path} ${end}`,
    },
  )
}

async function readHead(file: FileHandle): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(SIGNATURE_BYTES), 0, SIGNATURE_BYTES, 0)
  return buffer.subarray(0, bytesRead)
}
