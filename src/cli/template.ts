import { listTemplateBuilds, listTemplates } from '../template/list-templates.ts'
import { removeTemplate } from '../template/remove-template.ts'
import type { Command } from './command.ts'
import { lsOrRm, removeEntries, renderEntries } from './entries.ts'
import { print } from './print.ts'

export default {
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
    const templates = (await listTemplates()).map((template) => ({ ...template, name: template.key }))
    if (!keys) {
      const builds = (await listTemplateBuilds()).map((build) => ({ ...build, name: build.key }))
      return print(renderEntries('template', 'KEY', [...templates, ...builds]))
    }
    await removeEntries('template', templates, keys, (key) => removeTemplate(key))
    return 0
  },
} satisfies Command
