import { mkdir, open, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeRecipe } from '../../src/image/recipe.ts'
import { resolveImage } from '../../src/image/resolve-image.ts'
import type { BuiltImage } from '../../src/options/image.ts'

const DEFAULT: BuiltImage = { base: 'debian-12', packages: [] }
const DISK_SIZE = 8 * 1024 ** 3

/**
 * Puts into a new cache folder a default image that boots no further than its initramfs: the real kernel and initrd, an
 * empty disk, and a script that the initramfs reads as it starts.
 */
export async function breakImage(cache: string, script: string): Promise<void> {
  const { direct } = await resolveImage(DEFAULT)
  const folder = join(cache, 'images', makeRecipe(DEFAULT).folder)
  await mkdir(folder, { recursive: true })
  await symlink(direct?.kernel as string, join(folder, 'kernel'))
  // The kernel unpacks one archive after the other.
  const early = cpio({ conf: undefined, 'conf/conf.d': undefined, 'conf/conf.d/broken': `${script}\n` })
  await writeFile(join(folder, 'initrd'), Buffer.concat([early, await readFile(direct?.initrd as string)]))
  await using disk = await open(join(folder, 'disk.raw'), 'w')
  await disk.truncate(DISK_SIZE)
}

/**
 * An archive of folders (no text) and files, in the format of an initramfs
 * (https://docs.kernel.org/driver-api/early-userspace/buffer-format.html).
 */
function cpio(entries: Record<string, string | undefined>): Buffer {
  const all = [...Object.entries(entries), ['TRAILER!!!', ''] as const]
  const pieces = all.map(([name, text], index) => {
    const mode = text === undefined ? 0o040755 : 0o100644
    // Inode, mode, owner, group, links, time, size, two device numbers twice, the name's length, checksum.
    const fields = [index + 1, mode, 0, 0, 1, 0, text?.length ?? 0, 0, 0, 0, 0, name.length + 1, 0]
    const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}${name}\0`
    return padded(header) + padded(text ?? '')
  })
  return Buffer.from(pieces.join(''), 'latin1')
}

function padded(text: string): string {
  return text.padEnd(Math.ceil(text.length / 4) * 4, '\0')
}
