import type { ImageSpec } from '../options/image.ts'
import { buildImage } from './build-image.ts'
import type { Image, Progress } from './image.ts'
import { openUserDisk } from './user-disk.ts'

export type { Image, Progress }

/**
 * Makes sure that the disk exists: builds it when it is a built image that the cache does not hold yet (about a
 * minute), inspects it when it is the user's own.
 * @throws ImageError when the disk cannot be found, read or built; HostError when a tool is missing; the signal's
 * reason when aborted.
 */
export async function resolveImage(
  spec: ImageSpec,
  { signal, onProgress = () => {} }: { signal?: AbortSignal; onProgress?: Progress } = {},
): Promise<Image> {
  signal?.throwIfAborted()
  return 'path' in spec ? openUserDisk(spec.path, signal) : buildImage(spec, onProgress, signal)
}
