import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'

/** The template used last. */
export function newestFolder(templates: string): string {
  const names = readdirSync(templates).filter((name) => /^[0-9a-f]{32}$/.test(name))
  const time = (name: string) => statSync(join(templates, name)).mtimeMs
  const [newest] = names.sort((one, other) => time(other) - time(one))
  if (newest === undefined) throw new Error(`There is no template in ${templates}`)
  return newest
}
