import type { ImageSpec } from '../options/image.ts'
import { baseOf } from '../options/layer.ts'
import { buildImage } from './build/build-image.ts'
import { requireBootable, vendorImage } from './catalogue/vendor-image.ts'
import { downloadImage } from './download/download-image.ts'
import { wantedRemote } from './download/wanted.ts'
import type { Image, Progress } from './image.ts'
import { openUserDisk } from './disk/user-disk.ts'

export type { Image, Progress }

interface Resolve {
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: Progress
  /** For a kernel that is booted directly, appended to the image's own. @default [] */
  readonly kernelParameters?: readonly string[]
}

/**
 * Makes sure that the disk exists: builds it when it is a built image that the cache does not hold yet (about a
 * minute), downloads it when it is a vendor's or has a URL, inspects it when it is the user's own. Of a layer it is the one below all of
 * them.
 * @throws ImageError when the disk cannot be found, read, downloaded or built; HostError when a tool is missing; the signal's
 * reason when aborted.
 */
export async function resolveImage(
  image: ImageSpec,
  { signal, onProgress = () => {}, kernelParameters = [] }: Resolve = {},
): Promise<Image> {
  signal?.throwIfAborted()
  const spec = baseOf(image)
  if ('path' in spec) return openUserDisk(spec, onProgress, signal)
  if ('url' in spec) return downloadImage(wantedRemote(spec), onProgress, signal)
  if ('vendor' in spec) {
    requireBootable(spec.vendor)
    return vendorImage(spec, { onProgress, signal })
  }
  const built = await buildImage(spec, onProgress, signal)
  const { direct } = built
  return { ...built, direct: { ...direct, append: [direct.append, ...kernelParameters].join(' ') } }
}
