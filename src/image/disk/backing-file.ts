import { dirname, resolve } from 'node:path'
import { ImageError } from '../../errors.ts'
import type { DiskFile } from '../image.ts'
import type { Qcow2Header } from './qcow2-header.ts'

/**
 * The backing file that a disk's header names.
 * @param isAllowed whether the user has allowed backing files
 * @throws ImageError
 */
export function backingFile(
  path: string,
  { name, format }: NonNullable<Qcow2Header['backing']>,
  isAllowed: boolean,
): Pick<DiskFile, 'path' | 'format'> {
  if (!isAllowed) {
    throw new ImageError(
      `The image ${path} has the backing file ${name.replaceAll(/\s/g, ' ')} on this host, which is refused`,
      {
        option: 'image',
        hint: `A backing file in an image from elsewhere could let the guest read any of your files. If you made it yourself, write image: { path: '${path}', backing: true }.`,
      },
    )
  }
  // To QEMU, a prefix with a colon is a protocol: json:, nbd:, ssh:.
  if (name === '' || /\p{Cc}/u.test(name) || /^[^/]*:/.test(name)) {
    throw new ImageError(
      `The image ${path} has the backing file ${name.replaceAll(/\s/g, ' ')}, which is not a file name`,
      {
        option: 'image',
        hint: `Set it to the path of a qcow2 or raw disk: qemu-img rebase -u -F qcow2 -b base.qcow2 ${path}`,
      },
    )
  }
  if (format !== 'qcow2' && format !== 'raw') {
    const found = format === undefined ? 'does not state its format' : `states its format as ${format}`
    throw new ImageError(`The image ${path} has the backing file ${name}, and ${found}; it must be qcow2 or raw`, {
      option: 'image',
      hint: `Set the format: qemu-img rebase -u -F qcow2 -b ${name} ${path}`,
    })
  }
  return { path: resolve(dirname(path), name), format }
}
