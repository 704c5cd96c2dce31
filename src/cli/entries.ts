import { parseArgs } from 'node:util'
import { GuestError } from '../errors.ts'
import { UsageError } from './command.ts'
import { print } from './print.ts'
import { pick } from './show/pick.ts'
import { renderTable } from './show/table.ts'
import { durationText, sizeText } from './show/units.ts'

type Kind = 'image' | 'template'

/** An image or a template in the cache. */
export interface Entry {
  readonly name: string
  readonly bytes: number
  readonly createdAt: Date
  readonly lastUse: Date
  readonly label: string
  readonly user: string | undefined
}

/** The arguments of a command that lists and removes: the names to remove, or undefined to list. */
export function lsOrRm(command: string, operand: string, args: string[]): string[] | undefined {
  const [verb, ...operands] = parseArgs({ args, allowPositionals: true }).positionals
  if (verb === 'ls' && operands.length === 0) return undefined
  if (verb === 'rm' && operands.length > 0) return operands
  throw new UsageError(`usage: ${command} ls, or ${command} rm ${operand}...`)
}

export function renderEntries(kind: Kind, heading: string, entries: readonly Entry[]): string {
  if (entries.length === 0) return `There are no ${kind}s.\n`
  const ago = (date: Date) => durationText(Date.now() - date.getTime())
  const rows = entries.map(({ name, bytes, createdAt, lastUse, label, user = '' }) => {
    return [name, sizeText(bytes), ago(createdAt), `${ago(lastUse)} ago`, label, user]
  })
  return renderTable([heading, 'SIZE', 'AGE', 'LAST USE', 'OF', 'IN USE BY'], rows)
}

/** Removes entries by the beginnings of their names; `remove` returns who uses an entry that therefore stays. */
export async function removeEntries(
  kind: Kind,
  entries: readonly Pick<Entry, 'name' | 'bytes'>[],
  beginnings: readonly string[],
  remove: (name: string) => Promise<string | undefined>,
): Promise<void> {
  const known = entries.map(({ name }) => name)
  const picked = pick(kind, known, beginnings)
  // In the order of the entries: what others are based on is behind them.
  for (const name of known.filter((each) => picked.includes(each))) {
    const user = await remove(name)
    if (user !== undefined)
      throw new GuestError(`${kind === 'image' ? 'Image' : 'Template'} ${name} is in use by ${user}`)
    const size = sizeText(entries.find((entry) => entry.name === name)?.bytes ?? 0)
    print(`${kind} ${name}  ${size}  removed\n`)
  }
}
