import { randomBytes } from 'node:crypto'
import { closeSync, constants, ftruncateSync, openSync, unlinkSync, writeSync } from 'node:fs'
import { join } from 'node:path'

const CLUSTER_BITS = 16
const CLUSTER = 1 << CLUSTER_BITS
/** Bytes of a disk that one L1 entry covers: a cluster of 8-byte entries, each for one cluster. */
const PER_ENTRY = (CLUSTER / 8) * CLUSTER

/**
 * An empty qcow2 disk (https://gitlab.com/qemu-project/qemu/-/blob/master/docs/interop/qcow2.txt, version 3) without trailing zeros:
 * header, refcount table, refcount block, L1 table.
 */
export function emptyQcow2(size: number): { head: Buffer; length: number } {
  const entries = Math.max(1, Math.ceil(size / PER_ENTRY))
  const tables = Math.ceil((entries * 8) / CLUSTER)
  const head = Buffer.alloc(3 * CLUSTER)
  head.write('QFI\xfb', 0, 'latin1')
  head.writeUInt32BE(3, 4)
  head.writeUInt32BE(CLUSTER_BITS, 20)
  head.writeBigUInt64BE(BigInt(size), 24)
  head.writeUInt32BE(entries, 36)
  head.writeBigUInt64BE(BigInt(3 * CLUSTER), 40)
  head.writeBigUInt64BE(BigInt(CLUSTER), 48)
  head.writeUInt32BE(1, 56)
  // 16-bit refcounts, and the length of this header.
  head.writeUInt32BE(4, 96)
  head.writeUInt32BE(104, 100)
  head.writeBigUInt64BE(BigInt(2 * CLUSTER), CLUSTER)
  for (let cluster = 0; cluster < 3 + tables; cluster++) head.writeUInt16BE(1, 2 * CLUSTER + 2 * cluster)
  return { head, length: (3 + tables) * CLUSTER }
}

/** Linux's O_TMPFILE (open(2)), which Node does not export: creates an unnamed file. */
const O_TMPFILE = 0o20_000_000 | constants.O_DIRECTORY

/** Opens an unnamed file, which disappears with the last process that has it open. */
function openUnnamed(folder: string): number {
  try {
    return openSync(folder, constants.O_RDWR | O_TMPFILE, 0o600)
  } catch {
    // Not supported by every file system (overlayfs before Linux 6.3, NFS).
    const path = join(folder, `.vitest-guest-${randomBytes(6).toString('hex')}`)
    const file = openSync(path, 'wx+', 0o600)
    unlinkSync(path)
    return file
  }
}

export function openOverlay(folder: string, size: number): number {
  const file = openUnnamed(folder)
  try {
    const { head, length } = emptyQcow2(size)
    writeSync(file, head, 0, head.length, 0)
    ftruncateSync(file, length)
    return file
  } catch (error) {
    closeSync(file)
    throw error
  }
}
