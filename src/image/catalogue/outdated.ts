import { isVendorImageName, releaseOf, VENDOR_IMAGE_NAMES, type VendorImageName } from '../../options/vendor-images.ts'
import type { Origin } from '../download/origin.ts'
import { CATALOGUE } from './catalogue.ts'
import { knownLatest } from './latest-digest.ts'

/** Why a downloaded image is no longer needed; undefined when it may be. */
export async function outdated({ name, digest }: Origin): Promise<string | undefined> {
  if (name === undefined) return undefined
  if (!isVendorImageName(name)) return `superseded: this release knows no image ${name}`
  const wanted = await digestsOf(name)
  if (wanted.length === 0 || wanted.includes(digest)) return undefined
  return `superseded: ${name} is another build now`
}

/** Of the builds that a release's names mean, as far as they are known. */
async function digestsOf(name: VendorImageName): Promise<string[]> {
  const { release } = releaseOf(name)
  const pinned = CATALOGUE[release].pinned?.digest
  const names = VENDOR_IMAGE_NAMES.filter((each) => releaseOf(each).release === release)
  const newest = await Promise.all(names.map(knownLatest))
  return [pinned, ...newest].filter((each) => each !== undefined)
}
