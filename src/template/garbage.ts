import type { ImageEntry } from '../image/list-images.ts'
import type { TemplateEntry } from './list-templates.ts'

const DAY = 86_400_000

/** How old is old. */
export interface Age {
  /** What was not used for so many days is old. */
  readonly days: number
  /** Milliseconds since the epoch. */
  readonly now: number
}

/** What is known of the disks that templates stand on. */
export interface Disks {
  readonly images: readonly ImageEntry[]
  /** Whether a user's own disk is still there. */
  readonly exists: (path: string) => boolean
}

/** Why a template should go; undefined when it should not. */
export function templateGarbage(template: TemplateEntry, { images, exists }: Disks, age: Age): string | undefined {
  const { fault, image = '', lastUse } = template
  if (fault !== undefined) return fault
  const built = images.find(({ name }) => name === image)
  if (!built && !exists(image)) return `its image ${image} is gone`
  if (built?.obsolete !== undefined) return `its image ${image} is ${built.obsolete}`
  return unused(lastUse, age)
}

/** Why an image should go; undefined when it should not. */
export function imageGarbage({ obsolete, lastUse }: ImageEntry, age: Age): string | undefined {
  return obsolete ?? unused(lastUse, age)
}

export function unused(lastUse: Date, { days, now }: Age): string | undefined {
  const ago = (now - lastUse.getTime()) / DAY
  return ago >= days ? `not used for ${Math.floor(ago)} days` : undefined
}
