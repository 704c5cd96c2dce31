import { open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { noteStamps } from '../../cache/seal.ts'
import { ImageError } from '../../errors.ts'
import { looksLike, SIGNATURE_BYTES } from '../disk/disk-signature.ts'
import { inspectDisk } from '../disk/inspect-disk.ts'
import { openDisk } from '../disk/open-disk.ts'
import { isAdded } from './download-errors.ts'
import type { DownloadProgress } from './download-progress.ts'
import type { Wanted } from './wanted.ts'
import { withoutPassword } from './http-get.ts'
import { digestOfFile } from './open-downloaded.ts'
import { writeOrigin, type Origin } from './origin.ts'
import { canUnpack, unpack } from './unpack.ts'

/**
 * Makes an image of a download: unpacks it, and checks the disk like any untrusted one.
 * @param folder has `part`, the file as it was downloaded; becomes the image
 * @throws ImageError
 */
export async function takeIn(
  wanted: Wanted,
  folder: string,
  progress: DownloadProgress,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { name, label, digest } = wanted
  let path = join(folder, 'part')
  let content = digest
  const compression = await compressionOf(path)
  if (compression !== undefined && canUnpack(compression)) {
    progress.say(`unpacking (${compression})`)
    const to = join(folder, 'unpacked')
    await unpack({ label, compression, from: path, to, folder, signal })
    await rm(path)
    path = to
    content = await digestOfFile(path, 'sha256:', signal)
  }
  const format = await inspect(path, wanted, signal)
  const disk = format === 'qcow2' ? 'disk.qcow2' : 'disk.raw'
  await rename(path, join(folder, disk))
  const origin: Origin = { name, label, url: withoutPassword(wanted.origin ?? wanted.url), digest, disk, content }
  await writeOrigin(folder, origin)
  await noteStamps(folder, [disk])
}

async function compressionOf(path: string): Promise<string | undefined> {
  await using file = await open(path)
  const { buffer, bytesRead } = await file.read(Buffer.alloc(SIGNATURE_BYTES), 0, SIGNATURE_BYTES, 0)
  const looks = looksLike(buffer.subarray(0, bytesRead))
  return looks.format === undefined ? looks.compression : undefined
}

/** @throws ImageError for a file that is not a disk, and for a disk that names another file of this host */
async function inspect(path: string, wanted: Wanted, signal: AbortSignal | undefined): Promise<'qcow2' | 'raw'> {
  const { label } = wanted
  const fate = isAdded(wanted) ? 'was not added' : 'has been deleted'
  const hint = `The file at ${withoutPassword(wanted.url)} has the right digest, and is wrong itself; it ${fate}.`
  try {
    await using file = await openDisk(path)
    const { format, backing } = await inspectDisk(path, file, signal)
    if (!backing) return format
    const names = backing.name.replaceAll(/\s/g, ' ')
    throw new ImageError(`The image ${label} has the backing file ${names} on this host, which is refused`, {
      option: 'image',
      hint,
    })
  } catch (error) {
    if (!(error instanceof ImageError) || !error.message.includes(path)) throw error
    const [first = ''] = error.message.split('\n')
    throw new ImageError(first.replaceAll(path, label), { option: 'image', cause: error, hint })
  }
}
