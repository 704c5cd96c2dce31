import { isAbsolute } from 'node:path'
import { badOption } from './bad-option.ts'
import { isPlainObject, readOnce, refuseUnknown } from './check.ts'

/** A built image, by name: more packages can be put into it, because a host-only guest cannot fetch any. */
export interface BuiltImage {
  readonly base: 'debian-12'
  /** Debian packages to install, sorted, each once. */
  readonly packages: readonly string[]
}

/** A disk of the user's own, with its own boot loader. */
export interface DiskImage {
  readonly path: string
}

export type ImageSpec = BuiltImage | DiskImage

/** `'debian-12'`, `{ base: 'debian-12', packages: ['nginx'] }`, or the absolute path of a qcow2 or raw disk. */
export type ImageOption = string | ImageWish

/** A built image with more packages. */
export interface ImageWish {
  base: 'debian-12'
  /** Debian packages, by their names. @default [] */
  packages?: readonly string[]
}

const HINT =
  "Write image: 'debian-12', image: { base: 'debian-12', packages: ['nginx'] }, or the absolute path of a qcow2 or raw disk."
/** Debian Policy 5.6.1. */
const PACKAGE_NAME = /^[a-z0-9][a-z0-9+.-]+$/

export function parseImage(image: unknown): ImageSpec {
  if (image === 'debian-12') return { base: 'debian-12', packages: [] }
  if (typeof image === 'string' && isAbsolute(image) && !image.includes('\0')) return { path: image }
  const wish = isPlainObject(image) ? readOnce(image, 'image.') : {}
  if (wish['base'] === 'debian-12') {
    const { packages = [] } = refuseUnknown(wish, ['base', 'packages'], 'image.')
    return { base: 'debian-12', packages: parsePackages(packages) }
  }
  throw badOption('image', 'the name of a built image or the absolute path of a disk', image, HINT)
}

function parsePackages(packages: unknown): string[] {
  const isList =
    Array.isArray(packages) && packages.every((name) => typeof name === 'string' && PACKAGE_NAME.test(name))
  if (!isList) throw badOption('image.packages', 'a list of Debian package names', packages, HINT)
  return [...new Set(packages as string[])].sort()
}
