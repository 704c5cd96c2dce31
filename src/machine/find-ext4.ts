import { type FileHandle, open } from 'node:fs/promises'
import { HostError } from '../errors.ts'

const SECTOR = 512
/** linux/ext4.h: the superblock is 1024 bytes in, its magic 56 bytes into that. */
const EXT4_MAGIC = { at: 1024 + 56, value: 0xef53 }

/**
 * Where the first ext4 file system of a disk begins, in bytes: over the whole disk, or in a partition of an MBR or a GPT.
 * @throws HostError when there is none
 */
export async function findExt4(disk: string): Promise<number> {
  await using file = await open(disk)
  const { size } = await file.stat()
  for (const sector of [0, ...(await partitionsOf(file))]) {
    const at = sector * SECTOR + EXT4_MAGIC.at
    if (at < size && (await read(file, at, 2)).readUInt16LE() === EXT4_MAGIC.value) return sector * SECTOR
  }
  throw new HostError('No ext4 file system was found on the disk')
}

/** The first sector of each; what is no partition is anything. */
async function partitionsOf(file: FileHandle): Promise<number[]> {
  const mbr = await read(file, 0, SECTOR)
  const fromMbr = [0, 1, 2, 3].map((each) => mbr.readUInt32LE(446 + 16 * each + 8))
  const gpt = await read(file, SECTOR, SECTOR)
  if (gpt.toString('latin1', 0, 8) !== 'EFI PART') return fromMbr
  const entries = await read(file, 2 * SECTOR, 128 * 128)
  const fromGpt = Array.from({ length: 128 }, (_, each) => Number(entries.readBigUInt64LE(128 * each + 32)))
  return [...fromMbr, ...fromGpt]
}

async function read(file: FileHandle, at: number, length: number): Promise<Buffer> {
  return (await file.read(Buffer.alloc(length), 0, length, at)).buffer
}
