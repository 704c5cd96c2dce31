import { createHash } from 'node:crypto'
import type { FileHandle } from 'node:fs/promises'
import { ImageError } from '../../errors.ts'
import type { DiskImage } from '../../options/image.ts'
import { backingFile } from './backing-file.ts'
import { DiskDigest } from './disk-digest.ts'
import type { DiskFile, Image, Progress } from '../image.ts'
import { inspectDisk, type Inspected } from './inspect-disk.ts'
import { inspectQcow2 } from './inspect-qcow2.ts'
import { openDisk } from './open-disk.ts'

/** A disk and its backing files. */
interface Chain {
  readonly disk: DiskFile
  readonly size: number
  readonly digests: readonly DiskDigest[]
}

/**
 * Inspects a user's disk, which has its own boot loader. Backing files are used only if the user has allowed them.
 * @throws ImageError
 */
export async function openUserDisk(
  { path, backing = false }: DiskImage,
  onProgress: Progress,
  signal?: AbortSignal,
): Promise<Image> {
  const { digests, ...rest } = await openChain(path, inspectDisk, backing, signal)
  return {
    ...rest,
    label: path,
    digest: async (reading) => {
      const known: string[] = []
      for (const each of digests) known.push(await each.get(onProgress, reading))
      return createHash('sha256')
        .update([path, ...known].join('\n'))
        .digest('hex')
    },
    verify: async (reading) => {
      for (const each of digests) await each.verify(reading)
    },
  }
}

type Inspect = (path: string, file: FileHandle, signal?: AbortSignal) => Promise<Inspected>

async function openChain(
  path: string,
  inspect: Inspect,
  mayBuildOnOthers: boolean,
  signal: AbortSignal | undefined,
  above: readonly string[] = [],
): Promise<Chain> {
  await using file = await openDisk(path)
  const { dev, ino } = await file.stat()
  const identity = [dev, ino].join(' ')
  if (above.includes(identity)) throw new ImageError(`The image ${path} is its own backing file`, { option: 'image' })
  const { format, size, backing } = await inspect(path, file, signal)
  const digest = new DiskDigest(path)
  if (!backing) return { disk: { path, format }, size, digests: [digest] }
  const next = backingFile(path, backing, mayBuildOnOthers)
  const below = await openChain(next.path, INSPECT[next.format], true, signal, [...above, identity]).catch(
    (cause: unknown) => {
      throw missing(path, next.path, cause)
    },
  )
  return { disk: { path, format, backing: below.disk }, size, digests: [digest, ...below.digests] }
}

/** The overlay determines the format of its backing file, whatever that looks like: a guest may have written its beginning. */
const INSPECT: Readonly<Record<DiskFile['format'], Inspect>> = {
  raw: async (_path, file) => ({ format: 'raw', size: (await file.stat()).size }),
  qcow2: async (path, file, signal) => ({ format: 'qcow2', ...(await inspectQcow2(path, file, signal)) }),
}

function missing(path: string, backing: string, cause: unknown): unknown {
  if (!(cause instanceof ImageError) || !cause.message.startsWith(`The image ${backing} does not exist`)) return cause
  return new ImageError(`The image ${path} has the backing file ${backing}, which does not exist`, {
    option: 'image',
    cause,
    hint: 'Restore the backing file, or make a standalone disk where both files exist: qemu-img convert -O qcow2.',
  })
}
