import { open } from 'node:fs/promises'
import { ImageError } from '../errors.ts'
import { inspectQcow2 } from './inspect-qcow2.ts'
import { looksLike, SIGNATURE_BYTES } from './disk-signature.ts'

/**
 * The format of a disk that QEMU can boot.
 * @throws ImageError that says what the file is instead, or what is wrong with it.
 */
export async function inspectDisk(path: string, signal?: AbortSignal): Promise<'qcow2' | 'raw'> {
  const looks = looksLike(await readHead(path))
  if (looks.format === undefined) {
    throw new ImageError(`The image ${path} is not a disk: it is ${looks.like}`, {
      option: 'image',
      hint: looks.convertible
        ? `Convert it: qemu-img convert -O qcow2 ${path} disk.qcow2`
        : looks.compressed
          ? 'Unpack it first; a guest boots from a qcow2 or raw disk.'
          : 'A guest boots from a qcow2 or raw disk with a boot loader; is this the right file?',
    })
  }
  if (looks.format === 'qcow2') await inspectQcow2(path, signal)
  return looks.format
}

async function readHead(path: string): Promise<Buffer> {
  const file = await open(path)
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(SIGNATURE_BYTES), 0, SIGNATURE_BYTES, 0)
    return buffer.subarray(0, bytesRead)
  } finally {
    await file.close()
  }
}
