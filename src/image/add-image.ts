import { basename, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { GuestError, ImageError } from '../errors.ts'
import type { Digest } from '../options/image.ts'
import type { VendorImageName } from '../options/vendor-images.ts'
import type { Latest } from './catalogue/entry.ts'
import { knownLatest, latestDigest, noteLatest } from './catalogue/latest-digest.ts'
import { mirrored } from './catalogue/mirror.ts'
import { latestOf, wantedBuild, wantedLatest } from './catalogue/vendor-image.ts'
import { downloadImage } from './download/download-image.ts'
import type { Wanted } from './download/wanted.ts'
import type { Image, Progress } from './image.ts'

/** What a file that was fetched elsewhere is to be. */
interface Addition {
  /** A vendor's image; undefined for what is wanted by its URL. */
  readonly name: VendorImageName | undefined
  /** Undefined for one that the catalogue or the vendor knows. */
  readonly digest: Digest | undefined
}

/**
 * Takes a file into the cache as if it had been downloaded.
 * @throws ImageError when it is not what it is to be
 */
export async function addImage({ name, digest }: Addition, file: string, onProgress: Progress): Promise<Image> {
  const url = pathToFileURL(resolve(file)).href
  if (name === undefined) {
    if (digest === undefined) throw new GuestError('An image without a name needs a digest')
    return downloadImage({ label: basename(file), url, origin: url, digest }, onProgress)
  }
  const latest = latestOf(name)
  if (!latest) return downloadImage(from(url, matching(wantedBuild(name), digest)), onProgress)
  const newest = digest ?? (await newestDigest(name, latest, onProgress))
  const image = await downloadImage(from(url, wantedLatest(name, latest, newest)), onProgress)
  if (digest) await noteLatest(name, { url: mirrored(latest.checksums), digest })
  return image
}

async function newestDigest(name: VendorImageName, latest: Latest, onProgress: Progress): Promise<Digest> {
  try {
    return await latestDigest(name, latest, { onProgress })
  } catch (error) {
    const known = await knownLatest(name)
    if (known === undefined) throw error
    return known
  }
}

function from(url: string, wanted: Wanted): Wanted {
  return { ...wanted, url, origin: wanted.url }
}

function matching(wanted: Wanted, digest: Digest | undefined): Wanted {
  if (digest === undefined || digest === wanted.digest) return wanted
  throw new ImageError(`The image ${wanted.label} has the digest ${wanted.digest}, not ${digest}`, {
    option: 'image',
    hint: 'Use image: { url, sha256 } for another build.',
  })
}
