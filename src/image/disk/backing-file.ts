import { dirname, resolve } from 'node:path'
import { ImageError } from '../../errors.ts'
import type { DiskFile } from '../image.ts'
import type { Qcow2Header } from './qcow2-header.ts'

/**
 * The file that a disk builds on, by its header.
 * @param isAllowed whether the user has said that it may be opened
 * @throws ImageError
 */
export function backingFile(
  path: string,
  { name, format }: NonNullable<Qcow2Header['backing']>,
  isAllowed: boolean,
): Pick<DiskFile, 'path' | 'format'> {
  if (!isAllowed) {
    throw new ImageError(
      `The image ${path} builds on another file of this host, ${name.replaceAll(/\s/g, ' ')}, which is refused`,
      {
        option: 'image',
        hint: `An image from elsewhere could have the guest read any file of yours. If this one is your own, write image: { path: '${path}', backing: true }.`,
      },
    )
  }
  // QEMU takes what is before a colon for a protocol: json:, nbd:, ssh:.
  if (name === '' || /\p{Cc}/u.test(name) || /^[^/]*:/.test(name)) {
    throw new ImageError(
      `The image ${path} builds on ${name.replaceAll(/\s/g, ' ')}, which is not the name of a file`,
      {
        option: 'image',
        hint: `Put the path of a qcow2 or raw disk there: qemu-img rebase -u -F qcow2 -b base.qcow2 ${path}`,
      },
    )
  }
  if (format !== 'qcow2' && format !== 'raw') {
    const found = format === undefined ? 'does not say in which format that is' : `takes that for ${format}`
    throw new ImageError(`The image ${path} builds on ${name}, and ${found}; it must say qcow2 or raw`, {
      option: 'image',
      hint: `Have it say so: qemu-img rebase -u -F qcow2 -b ${name} ${path}`,
    })
  }
  return { path: resolve(dirname(path), name), format }
}
