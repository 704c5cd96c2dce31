import { join } from 'node:path'
import { cacheFolder } from '../host/environment.ts'

/** A build under way. Whoever holds the lock knows that all such folders but its own are of dead builders. */
export const BUILDING = 'building-'
const NAME = /^[^/]+-[0-9a-f]{12}$/
const DISK = /\/images\/([^/]+)\/disk\.raw$/

export function imagesFolder(): string {
  return join(cacheFolder(), 'images')
}

/** Whether a recipe makes such names; what else lies in the folder is none of ours. */
export function isImageName(name: string): boolean {
  return !name.startsWith(BUILDING) && NAME.test(name)
}

/** The name of the built image that a disk belongs to, wherever its cache was; undefined for a disk of the user's own. */
export function builtImageName(disk: string): string | undefined {
  const name = DISK.exec(disk)?.[1]
  return name !== undefined && isImageName(name) ? name : undefined
}
