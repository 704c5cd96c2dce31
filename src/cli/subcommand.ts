import { parseArgs } from 'node:util'
import { UsageError } from './usage-error.ts'

/** What a command that lists and removes is asked for: the names to remove, or none to list. */
export function lsOrRm(command: string, operand: string, args: string[]): string[] | undefined {
  const [verb, ...operands] = parseArgs({ args, allowPositionals: true }).positionals
  if (verb === 'ls' && operands.length === 0) return undefined
  if (verb === 'rm' && operands.length > 0) return operands
  throw new UsageError(`usage: ${command} ls, or ${command} rm ${operand}...`)
}
