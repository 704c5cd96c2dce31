import { GuestError } from '../errors.ts'
import { listTemplateBuilds, listTemplates, type TemplateEntry } from '../template/list-templates.ts'
import { removeTemplate } from '../template/remove-template.ts'
import type { Command } from './command.ts'
import { pick } from './show/pick.ts'
import { print } from './print.ts'
import { lsOrRm } from './subcommand.ts'
import { renderTable } from './show/table.ts'
import { durationText, sizeText } from './show/units.ts'

export const template: Command = {
  help: `Usage: vitest-guest template ls
       vitest-guest template rm KEY...

Manages templates: guests that were booted once and frozen, for warm starts to clone. They are in templates/ in the cache.

  ls   lists them: key, size on disk, age, last use, contents, and who uses them
  rm   removes templates, by key or by the beginning of a key; the next test that needs one rebuilds it

Never removes a template that is in use, or was used less than a minute ago.

Exit code: 0, or 1 if something was not removed.
`,
  async run(args) {
    const keys = lsOrRm('template', 'KEY', args)
    const templates = await listTemplates()
    if (keys) {
      await remove(templates, keys)
    } else {
      print(renderTemplates([...templates, ...(await listTemplateBuilds())], Date.now()))
    }
    return 0
  },
}

function renderTemplates(templates: readonly TemplateEntry[], now: number): string {
  if (templates.length === 0) return 'There are no templates.\n'
  const rows = templates.map(({ key, bytes, createdAt, lastUse, label, user }) => [
    key,
    sizeText(bytes),
    durationText(now - createdAt.getTime()),
    `${durationText(now - lastUse.getTime())} ago`,
    label,
    user ?? '',
  ])
  return renderTable(['KEY', 'SIZE', 'AGE', 'LAST USE', 'OF', 'IN USE BY'], rows)
}

async function remove(templates: readonly TemplateEntry[], beginnings: readonly string[]): Promise<void> {
  const keys = pick(
    'template',
    templates.map(({ key }) => key),
    beginnings,
  )
  for (const key of keys) {
    const user = await removeTemplate(key)
    if (user !== undefined) throw new GuestError(`Template ${key} is in use by ${user}`)
    const size = sizeText(templates.find((entry) => entry.key === key)?.bytes ?? 0)
    print(`template ${key}  ${size}  removed\n`)
  }
}
