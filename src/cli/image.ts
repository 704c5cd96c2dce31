import { GuestError } from '../errors.ts'
import { listImages } from '../image/list-images.ts'
import { removeImage } from '../image/remove-image.ts'
import { listTemplates } from '../template/list-templates.ts'
import type { Command } from './command.ts'
import { lsOrRm, removeEntries, renderEntries } from './entries.ts'
import { print } from './print.ts'

export default {
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
    const keysOn = (name: string) => templates.filter(({ image }) => image === name).map(({ key }) => key)
    if (!names) {
      const entries = images.map(({ label, obsolete, user, ...image }) => ({
        ...image,
        label: obsolete === undefined ? label : `${label} (${obsolete.split(':')[0]})`,
        user: [...(user === undefined ? [] : [user]), ...keysOn(image.name).map((key) => `template ${key.slice(0, 12)}`)].join(', '), // prettier-ignore
      }))
      return print(renderEntries('image', 'NAME', entries))
    }
    await removeEntries('image', images, names, (name) => {
      const keys = keysOn(name)
      if (keys.length === 0) return removeImage(name)
      throw new GuestError(`These templates are based on image ${name}: ${keys.join(', ')}`, {
        hint: `Remove them first: npx vitest-guest template rm ${keys.join(' ')}`,
      })
    })
    return 0
  },
} satisfies Command
