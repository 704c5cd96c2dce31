import { GuestError } from '../errors.ts'
import { listImages, type ImageEntry } from '../image/list-images.ts'
import { removeImage } from '../image/remove-image.ts'
import { listTemplates, type TemplateEntry } from '../template/list-templates.ts'
import type { Command } from './command.ts'
import { pick } from './show/pick.ts'
import { print } from './print.ts'
import { lsOrRm } from './subcommand.ts'
import { renderTable } from './show/table.ts'
import { durationText, sizeText } from './show/units.ts'

export const image: Command = {
  help: `Usage: vitest-guest image ls
       vitest-guest image rm NAME...

Manages the disk images that vitest-guest has built. They are in images/ in the cache.

  ls   lists them: name, size on disk, age, last use, contents, and who uses them
  rm   removes images, by name or by the beginning of a name; the next test that needs one rebuilds it

Never removes an image that is in use, that a template is based on, or that was used less than a minute ago.

Exit code: 0, or 1 if something was not removed.
`,
  async run(args) {
    const names = lsOrRm('image', 'NAME', args)
    const [images, templates] = await Promise.all([listImages(), listTemplates()])
    if (names) await remove(images, templates, names)
    else print(renderImages(images, templates, Date.now()))
    return 0
  },
}

function renderImages(images: readonly ImageEntry[], templates: readonly TemplateEntry[], now: number): string {
  if (images.length === 0) return 'There are no images.\n'
  const rows = images.map(({ name, bytes, createdAt, lastUse, label, obsolete, user }) => [
    name,
    sizeText(bytes),
    durationText(now - createdAt.getTime()),
    `${durationText(now - lastUse.getTime())} ago`,
    obsolete === undefined ? label : `${label} (${obsolete.split(':')[0]})`,
    [...(user === undefined ? [] : [user]), ...keysOn(name, templates).map((key) => `template ${key.slice(0, 12)}`)].join(', '), // prettier-ignore
  ])
  return renderTable(['NAME', 'SIZE', 'AGE', 'LAST USE', 'OF', 'IN USE BY'], rows)
}

async function remove(
  images: readonly ImageEntry[],
  templates: readonly TemplateEntry[],
  beginnings: readonly string[],
): Promise<void> {
  const names = pick(
    'image',
    images.map(({ name }) => name),
    beginnings,
  )
  for (const name of names) {
    const keys = keysOn(name, templates)
    if (keys.length > 0) {
      throw new GuestError(`These templates are based on image ${name}: ${keys.join(', ')}`, {
        hint: `Remove them first: npx vitest-guest template rm ${keys.join(' ')}`,
      })
    }
    const user = await removeImage(name)
    if (user !== undefined) throw new GuestError(`Image ${name} is in use by ${user}`)
    const size = sizeText(images.find((entry) => entry.name === name)?.bytes ?? 0)
    print(`image ${name}  ${size}  removed\n`)
  }
}

function keysOn(image: string, templates: readonly TemplateEntry[]): string[] {
  return templates.filter((template) => template.image === image).map(({ key }) => key)
}
