const SECTOR = 512
const ENTRIES = [446, 462, 478, 494]
/** The type of the entry that covers a GPT. */
const PROTECTIVE = 0xee
const GPT = 'EFI PART'

/**
 * The size that a disk must have according to its partition table, in bytes (UEFI 2.10, 5.2 and 5.3); 0 when it has none.
 * @param head at least its first two sectors
 */
export function endOfPartitions(head: Buffer): number {
  if (head.length < 2 * SECTOR || head.readUInt16LE(510) !== 0xaa55) return 0
  // A file system's boot sector has something else here.
  if (ENTRIES.some((at) => (head.readUInt8(at) & 0x7f) !== 0)) return 0
  const partitions = ENTRIES.filter((at) => ![0, PROTECTIVE].includes(head.readUInt8(at + 4)))
  const ends = partitions.map((at) => head.readUInt32LE(at + 8) + head.readUInt32LE(at + 12))
  if (head.toString('latin1', SECTOR, SECTOR + GPT.length) === GPT) {
    // The backup header, in the last sector.
    ends.push(Number(head.readBigUInt64LE(SECTOR + 32)) + 1)
  }
  return Math.max(0, ...ends) * SECTOR
}
