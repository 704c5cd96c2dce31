import { open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { escape } from '../../../src/machine/command-line.ts'

const SECTOR = 512
/** Where all partitioning tools start the first partition. */
const PARTITION_START = 1024 * 1024
const GRUB = '/usr/lib/grub/i386-pc'
/** What GRUB needs to read its configuration from ext4 in an MBR partition, and to use the console. */
const MODULES = [
  'biosdisk',
  'part_msdos',
  'ext2',
  'search',
  'search_label',
  'linux',
  'normal',
  'serial',
  'terminal',
  'echo',
  'boot',
]

export interface GrubDiskOptions {
  /** A raw ext4 file system with /vmlinuz and /initrd.img, labelled `vitest-guest`. */
  fileSystem: string
  /** The new disk, in the format qcow2. */
  disk: string
}

/**
 * Makes a disk of the shape of every vendor's cloud image, with neither root nor loop devices: an MBR with GRUB's boot.img,
 * core.img in the gap behind it (its blocklists start at sectors 1 and 2 as they come), and one partition.
 */
export async function makeGrubDisk({ fileSystem, disk }: GrubDiskOptions): Promise<void> {
  const raw = `${disk}.raw`
  const config = `${disk}.cfg`
  const core = `${disk}.core`
  try {
    await writeFile(
      config,
      `serial --unit=0 --speed=115200
terminal_output serial console
search --no-floppy --label vitest-guest --set=root
linux /vmlinuz console=ttyS0 quiet mitigations=off root=LABEL=vitest-guest
initrd /initrd.img
boot
`,
    )
    await execa('grub-mkimage', ['-O', 'i386-pc', '-p', '/', '-c', config, '-o', core, ...MODULES])
    await writeFile(raw, '')
    await truncate(raw, (await stat(fileSystem)).size + PARTITION_START)
    // It skips holes, which dd would read.
    const partition = `driver=raw,offset=${PARTITION_START},file.driver=file,file.filename=${escape(raw)}`
    const flags = ['-n', '--target-is-zero', '--target-image-opts']
    await execa('qemu-img', ['convert', ...flags, '-f', 'raw', fileSystem, partition])
    const file = await open(raw, 'r+')
    try {
      const { size } = await file.stat()
      await file.write(await masterBootRecord(size), 0, SECTOR, 0)
      const image = await readFile(core)
      if (SECTOR + image.length > PARTITION_START) throw new Error(`core.img does not fit: ${image.length} bytes`)
      await file.write(image, 0, image.length, SECTOR)
    } finally {
      await file.close()
    }
    await execa('qemu-img', ['convert', '-O', 'qcow2', raw, disk])
  } finally {
    for (const path of [raw, config, core]) await rm(path, { force: true })
  }
}

/** boot.img's code with a partition table of one bootable Linux partition up to the end of the disk. */
async function masterBootRecord(diskSize: number): Promise<Buffer> {
  const record = await readFile(join(GRUB, 'boot.img'))
  const table = 446
  record.fill(0, 440, 510)
  // Status, CHS (unused), type 0x83, CHS (unused), first sector, sectors.
  record.writeUInt8(0x80, table)
  record.writeUInt8(0x83, table + 4)
  record.writeUInt32LE(PARTITION_START / SECTOR, table + 8)
  record.writeUInt32LE((diskSize - PARTITION_START) / SECTOR, table + 12)
  record.writeUInt16LE(0xaa55, 510)
  return record
}
