import { BUILT_IMAGES } from '../../options/image.ts'
import { vendorMemoryMib, VENDOR_IMAGE_NAMES } from '../../options/vendor-images.ts'
import { knownDigest, quirksOf, urlOf } from '../../image/catalogue/vendor-image.ts'
import type { ImageEntry } from '../../image/list-images.ts'
import type { TemplateEntry } from '../../template/list-templates.ts'
import { renderEntries } from '../entries.ts'
import { renderTable } from '../show/table.ts'
import { sizeText } from '../show/units.ts'

/** Every name of an image. */
export async function renderNames(images: readonly ImageEntry[]): Promise<string> {
  const rows = BUILT_IMAGES.map((name) => {
    const built = images.find(({ label, obsolete }) => label === name && obsolete === undefined)
    return [name, sizeOf(built), '512M', '', 'built here']
  })
  for (const name of VENDOR_IMAGE_NAMES) {
    const digest = await knownDigest(name)
    const cached = digest === undefined ? undefined : images.find(({ origin }) => origin?.digest === digest)
    rows.push([name, sizeOf(cached), `${vendorMemoryMib(name)}M`, quirksOf(name).join(', '), urlOf(name)])
  }
  return renderTable(['NAME', 'IN CACHE', 'MEMORY', 'REMARKS', 'FROM'], rows)
}

function sizeOf(image: ImageEntry | undefined): string {
  return image ? sizeText(image.bytes) : '-'
}

export function renderImages(images: readonly ImageEntry[], templates: readonly TemplateEntry[]): string {
  const entries = images.map(({ label, obsolete, user, ...image }) => ({
    ...image,
    label: obsolete === undefined ? label : `${label} (${obsolete.split(':')[0]})`,
    user: [...(user === undefined ? [] : [user]), ...keysOn(image.name, templates).map((key) => `template ${key.slice(0, 12)}`)].join(', '), // prettier-ignore
  }))
  return renderEntries('image', 'NAME', entries)
}

/** The templates that are based on an image. */
export function keysOn(image: string, templates: readonly TemplateEntry[]): string[] {
  return templates.filter((template) => template.image === image).map(({ key }) => key)
}
