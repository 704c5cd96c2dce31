import { GuestError } from '../errors.ts'
import {
  childrenFirst,
  childrenOf,
  listTemplateBuilds,
  listTemplates,
  type TemplateEntry,
} from '../template/list-templates.ts'
import { removeTemplate } from '../template/remove-template.ts'
import type { Command } from './command.ts'
import { lsOrRm, removeEntries, renderEntries } from './entries.ts'
import { print } from './print.ts'

export default {
  help: `Usage: vitest-guest template ls
       vitest-guest template rm KEY...

Manages templates: guests that were booted once, or prepared as a layer, and frozen, for warm starts to clone. They are in
templates/ in the cache.

  ls   lists them: key, size on disk, age, last use, contents with the key of the template below a layer, and who uses them
  rm   removes templates, by key or by the beginning of a key; the next test that needs one rebuilds it

Never removes a template that is in use, that a layer is based on, or that was used less than a minute ago.

Exit code: 0, or 1 if something was not removed.
`,
  async run(args) {
    const keys = lsOrRm('template', 'KEY', args)
    const templates = childrenFirst(await listTemplates()).map((template) => ({ ...template, name: template.key }))
    if (!keys) {
      const builds = (await listTemplateBuilds()).map((build) => ({ ...build, name: build.key }))
      const shown = templates
        .toSorted((one, other) => (one.key < other.key ? -1 : 1))
        .map((each) => withFamily(each, templates))
      return print(renderEntries('template', 'KEY', [...shown, ...builds]))
    }
    await removeEntries('template', templates, keys, remove)
    return 0
  },
} satisfies Command

async function remove(key: string): Promise<string | undefined> {
  const children = childrenOf(key, await listTemplates()).map((child) => child.key)
  if (children.length === 0) return removeTemplate(key)
  throw new GuestError(`These templates are based on template ${key}: ${children.join(', ')}`, {
    hint: `Remove them first: npx vitest-guest template rm ${children.join(' ')}`,
  })
}

const SHORT = 12

/** With the template that it is based on, and those that are based on it. */
function withFamily<Entry extends TemplateEntry>(entry: Entry, templates: readonly TemplateEntry[]): Entry {
  const { label, parent, user, key } = entry
  const children = childrenOf(key, templates).map((child) => `template ${child.key.slice(0, SHORT)}`)
  return {
    ...entry,
    label: parent === undefined ? label : `${label} (on template ${parent.slice(0, SHORT)})`,
    user: [...(user === undefined ? [] : [user]), ...children].join(', '),
  }
}
