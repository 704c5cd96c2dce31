import { GuestError } from '../../errors.ts'
import { badOption } from '../../errors/bad-option.ts'
import { quote } from '../quote.ts'
import type { CommandOptions } from './exec-options.ts'

/** In POSIX since 2024. dash has it not (0.5.12), and ends at an unknown option of `set`; `command` keeps it from that. */
const PIPEFAIL = 'command set -o pipefail 2>/dev/null || :'

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/

/**
 * A command with its folder and environment set up by the shell, because sshd accepts a client's variables only where AcceptEnv names them. On
 * lines of their own, so that the command may be anything: lists, here-documents, comments.
 */
export function withSurroundings(command: unknown, { env = {}, cwd, pipefail = true }: CommandOptions): string {
  if (typeof command !== 'string') throw badOption('command', 'a string', command, "Write guest.exec('ls /').")
  const lines = Object.entries(env).map(([name, value]) => {
    if (typeof value !== 'string') throw badOption(`env.${name}`, 'a string', value, `Write env: { ${name}: 'text' }.`)
    if (!VARIABLE.test(name)) {
      throw new GuestError(`Option \`env\` must have names that a shell can export; got '${name}'`, {
        option: 'env',
        hint: 'Use letters, digits and underscores, not starting with a digit.',
      })
    }
    return `export ${name}=${quote(value)}`
  })
  if (typeof pipefail !== 'boolean') throw badOption('pipefail', 'true or false', pipefail, 'Write pipefail: false.')
  if (pipefail) lines.push(PIPEFAIL)
  if (cwd !== undefined) lines.unshift(`cd -- ${quote(cwd)} || exit`)
  return [...lines, command].join('\n')
}
