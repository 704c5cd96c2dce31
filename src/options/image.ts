import { isAbsolute } from 'node:path'
import { badOption, nearest } from '../errors/bad-option.ts'
import { isPlainObject, readOnce, refuseUnknown } from './check.ts'
import { isReference, layerIn, referredTo, type Layer, type LayerSpec } from './layer.ts'
import { isVendorImageName, VENDOR_IMAGE_NAMES, type VendorImageName } from './vendor-images.ts'

/** A vendor's own cloud image, with its own boot loader. */
export interface VendorImage {
  readonly vendor: VendorImageName
}

/** A disk that is downloaded, with its own boot loader. */
export interface RemoteImage {
  readonly url: string
  /** Of what is at the URL, before it is unpacked. */
  readonly digest: Digest
}

/** `sha256:` or `sha512:`, and the digest in lower-case hexadecimal digits. */
export type Digest = `${'sha256' | 'sha512'}:${string}`

/** With its packages sorted, each once. They are added at build time: a guest on a host-only network cannot download any. */
export type BuiltImage = Readonly<Required<ImageWish>>
/** A disk provided by the user, with its own boot loader. */
export type DiskImage = Readonly<DiskWish>
export type ImageSpec = BuiltImage | DiskImage | VendorImage | RemoteImage | LayeredImage

/** A machine that is prepared once, on top of another image. */
export interface LayeredImage {
  readonly layer: LayerSpec
}

/** An image by its name: one that is built here, or a vendor's own. `npx vitest-guest image ls --all` lists them. */
export type ImageName = BuiltImageName | VendorImageName

/** The default first. */
export const BUILT_IMAGES = ['debian-12', 'debian-11', 'debian-13'] as const
/** A Debian that is built on this host. */
export type BuiltImageName = (typeof BUILT_IMAGES)[number]

/**
 * - a name: `'debian-12'` (or 11, 13), which is built once, or a vendor's cloud image such as `'ubuntu-24.04'`, which is downloaded once,
 * - `{ base: 'debian-12', packages: ['nginx'] }`,
 * - the absolute path of a qcow2 or raw disk; `{ path }` when its type is only `string`. A qcow2 with backing files is refused, because it
 *   could name any file of this host: `{ path: '/disks/mine.qcow2', backing: true }` allows it for one that you made yourself,
 * - `{ url, sha256 }` or `{ url, sha512 }`: such a disk elsewhere,
 * - a machine that is prepared once: what `layer()` returns.
 */
export type ImageOption = ImageName | `/${string}` | ImageWish | DiskWish | UrlWish | Layer

/** A built image with more packages. */
export interface ImageWish {
  base: BuiltImageName
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

/** A disk elsewhere, which is downloaded once. It has one of the two digests. */
export interface UrlWish {
  /** `http:`, `https:` or `file:`; of a qcow2 or raw disk, which may be compressed with xz, gzip or zstd. */
  url: string
  /** 64 hexadecimal digits, of the file as it is at the URL. */
  sha256?: string
  /** 128 hexadecimal digits. */
  sha512?: string
}

const HINT =
  "Write image: 'debian-12', image: { base: 'debian-12', packages: ['nginx'] }, a vendor's image such as 'ubuntu-24.04', or the absolute path of a qcow2 or raw disk."
const URL_HINT = "Write image: { url: 'https://example.org/disk.qcow2', sha256: '0123…' }."
/** Debian Policy 5.6.1. */
const PACKAGE_NAME = /^[a-z0-9][a-z0-9+.-]+$/
const DIGITS = { sha256: 64, sha512: 128 } as const
const PROTOCOLS = ['http:', 'https:', 'file:']

export function parseImage(image: unknown): ImageSpec {
  if (isBuiltImageName(image)) return { base: image, packages: [] }
  if (isVendorImageName(image)) return { vendor: image }
  if (isAbsolutePath(image)) return { path: image }
  const layer = layerIn(image) ?? (isReference(image) ? referredTo(image) : undefined)
  if (layer) return { layer }
  const wish = isPlainObject(image) ? readOnce(image, 'image.') : {}
  if (isAbsolutePath(wish['path'])) {
    const { path, backing = false } = refuseUnknown(wish, ['path', 'backing'], 'image.')
    if (typeof backing !== 'boolean') throw badOption('image.backing', 'true or false', backing, HINT)
    return { path: path as string, backing }
  }
  if ('url' in wish) return parseRemote(refuseUnknown(wish, ['url', 'sha256', 'sha512'], 'image.'))
  if ('base' in wish) {
    const { base, packages = [] } = refuseUnknown(wish, ['base', 'packages'], 'image.')
    if (!isBuiltImageName(base)) throw badOption('image.base', `one of ${BUILT_IMAGES.join(', ')}`, base, HINT)
    return { base, packages: parsePackages(packages) }
  }
  const hint = typeof image === 'string' && !image.includes('/') ? hintForName(image) : HINT
  throw badOption('image', 'the name of an image or the absolute path of a disk', image, hint)
}

function isBuiltImageName(name: unknown): name is BuiltImageName {
  return (BUILT_IMAGES as readonly unknown[]).includes(name)
}

function hintForName(name: string): string {
  const names = [...BUILT_IMAGES, ...VENDOR_IMAGE_NAMES]
  // Half a name is nearer to a whole one than edits can tell.
  const near = names.find((each) => each.startsWith(`${name}-`)) ?? nearest(name, names)
  return `${near === undefined ? '' : `Did you mean '${near}'? `}npx vitest-guest image ls --all lists all names.`
}

function parseRemote({ url, sha256, sha512 }: Record<string, unknown>): RemoteImage {
  const parsed = typeof url === 'string' ? URL.parse(url) : null
  if (!parsed || !PROTOCOLS.includes(parsed.protocol)) {
    throw badOption('image.url', 'a URL that begins with http:, https: or file:', url, URL_HINT)
  }
  if ((sha256 === undefined) === (sha512 === undefined)) {
    const hint = `${URL_HINT} The vendor publishes one of them beside the image; sha256sum(1) computes it.`
    throw badOption('image', 'given with one digest, sha256 or sha512, when it has a url', { sha256, sha512 }, hint)
  }
  const [algorithm, digest] = sha256 === undefined ? (['sha512', sha512] as const) : (['sha256', sha256] as const)
  return { url: parsed.href, digest: parseDigest(`image.${algorithm}`, algorithm, digest) }
}

/** @throws GuestError */
export function parseDigest(option: string, algorithm: keyof typeof DIGITS, digest: unknown): Digest {
  const digits = DIGITS[algorithm]
  if (typeof digest === 'string' && digest.length === digits && /^[0-9a-f]+$/i.test(digest)) {
    return `${algorithm}:${digest.toLowerCase()}`
  }
  throw badOption(option, `${digits} hexadecimal digits`, digest, `${algorithm}sum(1) prints them.`)
}

/** For messages. */
export function imageLabel(image: ImageSpec): string {
  if ('path' in image) return image.path
  if ('vendor' in image) return image.vendor
  if ('layer' in image) return image.layer.name
  return 'url' in image ? image.url : [image.base, ...image.packages].join(' + ')
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
