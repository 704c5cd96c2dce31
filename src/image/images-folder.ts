import { join } from 'node:path'
import { cacheFolder } from '../host/environment.ts'

/** A build in progress. The holder of the lock knows that all other such folders belong to dead builders. */
export const BUILDING = 'building-'
const NAME = /^[^/]+-[0-9a-f]{12}$/
const DISK = /\/images\/([^/]+)\/disk\.raw$/

export function imagesFolder(): string {
  return join(cacheFolder(), 'images')
}

/** Whether this is the name of an image from a recipe; other files in the folder are not ours. */
export function isImageName(name: string): boolean {
  return !name.startsWith(BUILDING) && NAME.test(name)
}

/** The name of the built image that a disk belongs to, wherever its cache was; undefined for a disk of the user's own. */
export function builtImageName(disk: string): string | undefined {
  const name = DISK.exec(disk)?.[1]
  return name !== undefined && isImageName(name) ? name : undefined
}
