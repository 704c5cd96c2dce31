import { GuestError } from '../../errors.ts'

/** The names with these beginnings, each once. @throws GuestError for a beginning of no name, or of several */
export function pick(kind: string, names: readonly string[], beginnings: readonly string[]): string[] {
  return [...new Set(beginnings.map((beginning) => pickOne(kind, names, beginning)))]
}

function pickOne(kind: string, names: readonly string[], beginning: string): string {
  const meant = names.includes(beginning) ? [beginning] : names.filter((name) => name.startsWith(beginning))
  const [only, ...more] = beginning === '' ? [] : meant
  if (only === undefined) {
    const hint = names.length === 0 ? `There are no ${kind}s.` : `Known ${kind}s: ${names.join(', ')}`
    throw new GuestError(`There is no ${kind} '${beginning}'`, { hint })
  }
  if (more.length > 0) throw new GuestError(`'${beginning}' is ambiguous; it could be any of: ${meant.join(', ')}`)
  return only
}
