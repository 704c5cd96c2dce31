import { open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { execa } from 'execa'
import { escape } from '../../../src/machine/command-line.ts'

const SECTOR = 512
const MIB = 1024 * 1024
/** Where GRUB's core is, in a partition of its own: behind a GPT there is no gap. */
const CORE_SECTOR = MIB / SECTOR
const ROOT = 4 * MIB
/** The second table is at the end of the disk. */
const TABLE = MIB
const TYPES = { biosBoot: '21686148-6449-6E6F-744E-656564454649', root: '4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709' }
const GRUB = '/usr/lib/grub/i386-pc'
/** What GRUB needs to read the configuration's files from ext4 in a GPT partition, and to show itself on the console. */
const MODULES = [
  'biosdisk',
  'part_gpt',
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
 * Makes a disk of the shape of every vendor's cloud image for BIOS, with neither root nor loop devices: a GPT with the root file system as
 * its first partition, and GRUB's core.img in one of its own.
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
linux /vmlinuz root=LABEL=vitest-guest ro console=tty0 console=ttyS0,115200
initrd /initrd.img
boot
`,
    )
    await execa('grub-mkimage', ['-O', 'i386-pc', '-p', '/', '-c', config, '-o', core, ...MODULES])
    await writeFile(raw, '')
    await truncate(raw, ROOT + (await stat(fileSystem)).size + TABLE)
    const table = [
      'label: gpt',
      `14 : start=${CORE_SECTOR}, size=${(ROOT - MIB) / SECTOR}, type=${TYPES.biosBoot}`,
      `1 : start=${ROOT / SECTOR}, type=${TYPES.root}`,
    ]
    await execa('/sbin/sfdisk', ['--quiet', raw], { input: table.join('\n') })
    // It passes over holes, which dd would read.
    const partition = `driver=raw,offset=${ROOT},file.driver=file,file.filename=${escape(raw)}`
    const flags = ['-n', '--target-is-zero', '--target-image-opts']
    await execa('qemu-img', ['convert', ...flags, '-f', 'raw', fileSystem, partition])
    const file = await open(raw, 'r+')
    try {
      const boot = await readFile(join(GRUB, 'boot.img'))
      // Each of the two has where the next one is; the rest of boot.img's sector is the table's.
      boot.writeBigUInt64LE(BigInt(CORE_SECTOR), 0x5c)
      await file.write(boot, 0, 440, 0)
      const image = await readFile(core)
      if (image.length > ROOT - MIB) throw new Error(`core.img does not fit: ${image.length} bytes`)
      image.writeBigUInt64LE(BigInt(CORE_SECTOR + 1), 0x1f4)
      await file.write(image, 0, image.length, MIB)
    } finally {
      await file.close()
    }
    await execa('qemu-img', ['convert', '-O', 'qcow2', raw, disk])
  } finally {
    for (const path of [raw, config, core]) await rm(path, { force: true })
  }
}
