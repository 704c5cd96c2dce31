import type { FileHandle } from 'node:fs/promises'
import { ImageError } from '../../errors.ts'
import { Deadline } from '../../lifetime/deadline.ts'
import { checkTables } from './check-tables.ts'
import { LARGEST_CLUSTER, parseQcow2Header, Qcow2Error, type Qcow2Header } from './qcow2-header.ts'

/** Milliseconds; enough for the tables of any real disk. */
const PATIENCE = 60_000

/**
 * Reads the header and the tables of an untrusted qcow2 disk, without another program, and opens no file that it names. Anything that
 * refers to other files, or that vendors' disks do not have, is refused: QEMU would read any file of this host for it.
 * @throws ImageError saying what is wrong; the signal's reason
 */
export async function inspectQcow2(path: string, file: FileHandle, signal?: AbortSignal): Promise<Qcow2Header> {
  const { size } = await file.stat()
  using patience = new Deadline(PATIENCE, { signal })
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(LARGEST_CLUSTER), 0, LARGEST_CLUSTER, 0)
    const header = parseQcow2Header(buffer.subarray(0, bytesRead))
    requirePlain(path, header)
    await checkTables(file, header, size, patience.signal)
    return header
  } catch (cause) {
    signal?.throwIfAborted()
    if (cause instanceof ImageError) throw cause
    const what = cause instanceof Qcow2Error ? cause.message : `could not be read in ${PATIENCE / 1000} s`
    throw new ImageError(`The image ${path} is damaged: it ${what}`, {
      option: 'image',
      cause,
      hint: 'It was probably truncated while it was being copied: fetch it again, and compare its size and checksum.',
    })
  }
}

function requirePlain(path: string, header: Qcow2Header): void {
  const [, what, hint] = objectionsTo(path, header).find(([applies]) => applies) ?? []
  if (what !== undefined) throw new ImageError(`The image ${path} ${what}`, { option: 'image', hint })
}

function objectionsTo(path: string, header: Qcow2Header): [applies: boolean, what: string, hint: string][] {
  const { hasDataFile, isEncrypted, isCorrupt, isDirty, snapshots, hasBitmaps, oddFeatures } = header
  const convert = `If you trust its source, convert it to a plain one: qemu-img convert -O qcow2 ${path} disk.qcow2`
  const repair = `Repair it: qemu-img check -r all ${path}; or fetch it again.`
  const ownFile =
    'Do not use it unless you made it yourself. If you did, qemu-img convert -O qcow2 turns it into a single file.'
  const decrypt = 'Decrypt it: qemu-img convert writes a plain disk, given the secret (qemu-img(1), --object secret).'
  const plural = snapshots === 1 ? '' : 's'
  const bits = oddFeatures.join(', ')
  return [
    [hasDataFile, 'keeps its data in another file on this host (external data file), which is refused', ownFile],
    [isEncrypted, 'is encrypted', decrypt],
    [isCorrupt, 'is marked as corrupt by QEMU', repair],
    [isDirty, 'was not closed properly (its dirty bit is set)', repair],
    [snapshots > 0, `holds ${snapshots} internal snapshot${plural}, which is refused`, convert],
    [hasBitmaps, 'holds dirty bitmaps, which is refused', convert],
    [oddFeatures.length > 0, `has features that are refused (incompatible feature bits ${bits})`, convert],
  ]
}
