import { GuestError } from '../../errors.ts'
import { badOption } from '../../errors/bad-option.ts'
import { quote } from '../quote.ts'
import type { CommandOptions } from './exec-options.ts'
import { SAYING_BYTES } from './start-mark.ts'

/** In POSIX since 2024. dash 0.5.12 lacks it, and exits on an unknown option of `set`, which `command` prevents. */
const PIPEFAIL = 'command set -o pipefail 2>/dev/null || :'

const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]*$/

/**
 * A command with its folder and environment set up by the shell, because sshd accepts only the variables that AcceptEnv names. On separate
 * lines, so that the command can be anything: lists, here-documents, comments.
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
  return requireSendable([...lines, command].join('\n'))
}

/** Linux limits each argument of a program (MAX_ARG_STRLEN), and sshd passes the whole command to the shell as one. */
const LONGEST = 128 * 1024 - 1
/** For the line that reports the pid. */
const ROOM = SAYING_BYTES + 1

/** Otherwise sshd drops the connection, with everything on it. @throws GuestError */
function requireSendable(script: string): string {
  if (script.includes('\0')) {
    throw new GuestError('A command cannot contain a NUL character', {
      option: 'command',
      hint: 'Pass such bytes as input or with guest.writeFile().',
    })
  }
  const bytes = Buffer.byteLength(script)
  const most = LONGEST - ROOM
  if (bytes <= most) return script
  throw new GuestError(
    `A command can have at most ${most} bytes; this one, including env, cwd and pipefail, has ${bytes}`,
    { option: 'command', hint: 'Pass long data as input or with guest.writeFile().' },
  )
}
