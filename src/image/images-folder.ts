import { join } from 'node:path'
import { cacheFolder } from '../host/environment.ts'

/** A build in progress. To the holder of the lock, all other such folders are left over from dead builders. */
export const BUILDING = 'building-'
/** A download in progress, or one that can be resumed; the lock beside it has the same name. */
export const DOWNLOADING = 'downloading-'
const NAME = /^[^/]+-[0-9a-f]{12}$/
const DISK = /\/images\/([^/]+)\/disk\.(?:raw|qcow2)$/

export function imagesFolder(): string {
  return join(cacheFolder(), 'images')
}

/** Whether this is the name of an image that was built or downloaded; other files in the folder are not ours. */
export function isImageName(name: string): boolean {
  return ![BUILDING, DOWNLOADING].some((start) => name.startsWith(start)) && NAME.test(name)
}

/** The name of the image in the cache that a disk belongs to, wherever its cache was; undefined for a disk of the user's own. */
export function builtImageName(disk: string): string | undefined {
  const name = DISK.exec(disk)?.[1]
  return name !== undefined && isImageName(name) ? name : undefined
}
