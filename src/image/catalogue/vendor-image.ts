import type { Digest, VendorImage } from '../../options/image.ts'
import { releaseOf, type VendorImageName } from '../../options/vendor-images.ts'
import { ImageError } from '../../errors.ts'
import { DigestError } from '../download/download-errors.ts'
import { downloadImage } from '../download/download-image.ts'
import type { Wanted } from '../download/wanted.ts'
import type { Image, Progress } from '../image.ts'
import { CATALOGUE } from './catalogue.ts'
import type { Latest, Quirk } from './entry.ts'
import { knownLatest, latestDigest } from './latest-digest.ts'
import { mirrored } from './mirror.ts'

interface Options {
  readonly onProgress: Progress
  readonly signal?: AbortSignal | undefined
  /** Whether an answer of the last day will do for the newest build. @default true */
  readonly mayBeOld?: boolean
}

/** A vendor's image, downloaded if the cache does not have it. @throws ImageError */
export async function vendorImage({ vendor: name }: VendorImage, options: Options): Promise<Image> {
  const { onProgress, signal } = options
  const latest = latestOf(name)
  if (!latest) return downloadImage(wantedBuild(name), onProgress, signal)
  const digest = await latestDigest(name, latest, options)
  try {
    return await downloadImage(wantedLatest(name, latest, digest), onProgress, signal)
  } catch (error) {
    // The vendor may have published another one meanwhile.
    if (!(error instanceof DigestError)) throw error
    const now = await latestDigest(name, latest, { ...options, mayBeOld: false })
    if (now === digest) throw error
    return downloadImage(wantedLatest(name, latest, now), onProgress, signal)
  }
}

/** Where the newest build is, for a name that means it. */
export function latestOf(name: VendorImageName): Latest | undefined {
  const { release, isLatest } = releaseOf(name)
  const { pinned, latest } = CATALOGUE[release]
  return isLatest || !pinned ? latest : undefined
}

export function quirksOf(name: VendorImageName): readonly Quirk[] {
  return CATALOGUE[releaseOf(name).release].quirks ?? []
}

export function urlOf(name: VendorImageName): string {
  return (latestOf(name) ?? CATALOGUE[releaseOf(name).release].pinned)?.url ?? ''
}

/** Of the build that a name means, as far as it is known without asking the vendor. */
export async function knownDigest(name: VendorImageName): Promise<Digest | undefined> {
  return latestOf(name) ? knownLatest(name) : CATALOGUE[releaseOf(name).release].pinned?.digest
}

/** What to download for a name that means one build. */
export function wantedBuild(name: VendorImageName): Wanted {
  const { release } = releaseOf(name)
  const { pinned, latest } = CATALOGUE[release]
  if (!pinned) throw new ImageError(`${name} has no build of a fixed digest`, { option: 'image' })
  const newer = latest ? `use '${release}-latest', or ` : ''
  return {
    name,
    label: name,
    url: mirrored(pinned.url),
    digest: pinned.digest,
    ifGone: `The vendor may have removed this build: ${newer}use a newer release of vitest-guest, or a mirror that has it (VITEST_GUEST_IMAGE_MIRROR).`,
  }
}

export function wantedLatest(name: VendorImageName, { url }: Latest, digest: Wanted['digest']): Wanted {
  return {
    name,
    label: name,
    url: mirrored(url),
    digest,
    ifGone: 'The vendor may have moved it; write image: { url, sha256 }.',
  }
}

/** @throws ImageError for an image that our machines cannot boot */
export function requireBootable(name: VendorImageName): void {
  if (!quirksOf(name).includes('uefi')) return
  throw new ImageError(`The image ${name} boots only with UEFI firmware; guests have a BIOS`, {
    option: 'image',
    hint: 'Use an image with a boot loader for BIOS; npx vitest-guest image ls --all lists those of the vendors.',
  })
}
