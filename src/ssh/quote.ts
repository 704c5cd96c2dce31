import { inspect } from 'node:util'
import { GuestError } from '../errors.ts'

/**
 * One word for a POSIX shell. Always in single quotes, even if it looks harmless: `if` would be a keyword, `1` before `>` a
 * file descriptor, `A=1` an assignment.
 * @throws GuestError for a NUL character, which no command line can contain
 */
export function quote(value: string | number): string {
  const text = String(value)
  if (text.includes('\0')) {
    throw new GuestError(`A command cannot contain a NUL character; got ${inspect(text)}`, {
      hint: 'Pass such data on standard input: guest.exec(command, { input }).',
    })
  }
  return `'${text.replaceAll("'", `'\\''`)}'`
}

/**
 * The command of a tagged template: each value, and each item of an array, becomes one quoted word. The text is taken as in the source (`\n`
 * stays two characters), except that `` \` `` and `\${` are unescaped. @throws GuestError for a value that cannot be quoted
 */
export function commandFrom(strings: TemplateStringsArray, values: readonly unknown[]): string {
  const texts = strings.raw.map((text) => text.replace(/\\(`|\$\{)/g, '$1'))
  return texts.reduce((command, text, index) => {
    const value = values[index - 1]
    refuseInsideQuotes(texts.slice(0, index).join('x'), value)
    return command + words(value) + text
  })
}

function words(value: unknown): string {
  return Array.isArray(value) ? value.map(word).join(' ') : word(value)
}

function word(value: unknown): string {
  if (typeof value === 'string' || Number.isFinite(value)) return quote(value as string | number)
  throw new GuestError(
    `A value in a command must be a string, a number, or an array of these; got ${inspect(value, { depth: 1 })}`,
    { hint: 'Convert it to a string first, for example with JSON.stringify.' },
  )
}

/** Inside double quotes, our single quotes would be plain characters, and `$(…)` in the value would run. */
function refuseInsideQuotes(before: string, value: unknown): void {
  const open = openQuote(before)
  if (open === undefined) return
  throw new GuestError(`The value ${inspect(value, { depth: 1 })} is inside ${open} quotes in its command`, {
    hint: 'Remove the quotes around ${…}: values are quoted for you. For part of a word, write prefix${value}suffix.',
  })
}

function openQuote(text: string): '"' | "'" | undefined {
  const rest = text.replace(/\\[^]|'[^']*'|"(?:\\[^]|[^"\\])*"/g, '')
  return /['"]/.exec(rest)?.[0] as '"' | "'" | undefined
}
