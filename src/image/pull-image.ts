import type { ImageSpec } from '../options/image.ts'
import { vendorImage } from './catalogue/vendor-image.ts'
import type { Image, Progress } from './image.ts'
import { resolveImage } from './resolve-image.ts'

/** Puts an image into the cache, whether this host can boot it or not; of a vendor's newest builds, the newest there is. */
export async function pullImage(spec: ImageSpec, onProgress: Progress): Promise<Image> {
  if ('vendor' in spec) return vendorImage(spec, { onProgress, mayBeOld: false })
  return resolveImage(spec, { onProgress })
}
