import { isAbsolute } from 'node:path'
import { badOption } from '../errors/bad-option.ts'
import { isPlainObject, readOnce, refuseUnknown } from './check.ts'

/**
 * `'debian-12'`, `{ base: 'debian-12', packages: ['nginx'] }`, or the absolute path of a qcow2 or raw disk. A qcow2 with
 * backing files is refused, because it could name any file of this host: `{ path: '/disks/mine.qcow2', backing: true }` allows it
 * for one that you made yourself.
 */
export type ImageOption = string | ImageWish | DiskWish

/** A built image with more packages. */
export interface ImageWish {
  base: 'debian-12'
  /** Debian packages, by their names. @default [] */
  packages?: readonly string[]
}

/** Your own disk. */
export interface DiskWish {
  /** Absolute. */
  path: string
  /** Whether it may have backing files on this host. @default false */
  backing?: boolean
}

/** With its packages sorted, each once. They are added at build time: a guest on a host-only network cannot download any. */
export type BuiltImage = Readonly<Required<ImageWish>>
/** A disk provided by the user, with its own boot loader. */
export type DiskImage = Readonly<DiskWish>
export type ImageSpec = BuiltImage | DiskImage

const HINT =
  "Write image: 'debian-12', image: { base: 'debian-12', packages: ['nginx'] }, or the absolute path of a qcow2 or raw disk."
/** Debian Policy 5.6.1. */
const PACKAGE_NAME = /^[a-z0-9][a-z0-9+.-]+$/

export function parseImage(image: unknown): ImageSpec {
  if (image === 'debian-12') return { base: 'debian-12', packages: [] }
  if (isAbsolutePath(image)) return { path: image }
  const wish = isPlainObject(image) ? readOnce(image, 'image.') : {}
  if (isAbsolutePath(wish['path'])) {
    const { path, backing = false } = refuseUnknown(wish, ['path', 'backing'], 'image.')
    if (typeof backing !== 'boolean') throw badOption('image.backing', 'true or false', backing, HINT)
    return { path: path as string, backing }
  }
  if (wish['base'] === 'debian-12') {
    const { packages = [] } = refuseUnknown(wish, ['base', 'packages'], 'image.')
    return { base: 'debian-12', packages: parsePackages(packages) }
  }
  throw badOption('image', 'the name of a built image or the absolute path of a disk', image, HINT)
}

function parsePackages(packages: unknown): string[] {
  const isList =
    Array.isArray(packages) && packages.every((name) => typeof name === 'string' && PACKAGE_NAME.test(name))
  if (!isList) throw badOption('image.packages', 'an array of Debian package names', packages, HINT)
  return [...new Set(packages as string[])].sort()
}

function isAbsolutePath(value: unknown): value is string {
  return typeof value === 'string' && isAbsolute(value) && !value.includes('\0')
}
