import type { FileHandle } from 'node:fs/promises'
import { Qcow2Error, type Qcow2Header, type Region } from './qcow2-header.ts'

const OFFSET = 0x00ff_ffff_ffff_fe00n
const IS_COMPRESSED = 1n << 62n
const SECTOR = 512n

/**
 * Checks that everything the tables of a qcow2 disk point at is inside the file: QEMU opens a truncated file, and only the guest
 * notices. The tables take a megabyte for 8 GiB, and never more than the file.
 * @throws Qcow2Error; the signal's reason
 */
export async function checkTables(
  file: FileHandle,
  { clusterSize, tables }: Qcow2Header,
  fileSize: number,
  signal?: AbortSignal,
): Promise<void> {
  const requireInside = ({ offset, bytes }: Region) => {
    if (offset + bytes > fileSize) throw new Qcow2Error('points beyond the end of the file')
  }
  const read = async (region: Region) => {
    signal?.throwIfAborted()
    requireInside(region)
    const { buffer, bytesRead } = await file.read(Buffer.alloc(region.bytes), 0, region.bytes, region.offset)
    if (bytesRead < region.bytes) throw new Qcow2Error('shrank while it was read')
    return buffer
  }
  requireInside(tables.refcounts)
  const seen = new Set<number>()
  for (const entry of entriesOf(await read(tables.l1))) {
    const offset = Number(entry & OFFSET)
    if (offset === 0 || seen.has(offset)) continue
    seen.add(offset)
    if (offset % clusterSize !== 0) throw new Qcow2Error('has a misaligned table')
    for (const cluster of entriesOf(await read({ offset, bytes: clusterSize }))) {
      // The last cluster of a file may be shorter.
      requireInside({ offset: startOf(cluster, clusterSize), bytes: 1 })
    }
  }
}

/** Where the bytes of a cluster are; 0 when it has none. */
function startOf(entry: bigint, clusterSize: number): number {
  if (!(entry & IS_COMPRESSED)) return Number(entry & OFFSET)
  const offsetBits = 62n - BigInt(Math.log2(clusterSize) - 8)
  const offset = entry & ((1n << offsetBits) - 1n)
  return Number(offset - (offset % SECTOR))
}

function* entriesOf(table: Buffer): Generator<bigint> {
  for (let at = 0; at + 8 <= table.length; at += 8) yield table.readBigUInt64BE(at)
}
