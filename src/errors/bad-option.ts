import { inspect } from 'node:util'
import { distance } from 'fastest-levenshtein'
import { GuestError } from '../errors.ts'

/** Enough for users to recognize their value, which may be large. */
const SHOWN = { depth: 1, maxStringLength: 100, maxArrayLength: 10, customInspect: false } as const

/** The error for a bad option: its name, what was expected, what was given, and what to write instead. */
export function badOption(option: string, expected: string, got: unknown, hint: string): GuestError {
  return new GuestError(`Option \`${option}\` must be ${expected}; got ${inspect(got, SHOWN)}`, { option, hint })
}

/**
 * The error for an option that does not exist, which suggests the one that was probably meant.
 * @param prefix the path of the object it is in, e.g. `'image.'`
 */
export function unknownOption(name: string, known: readonly string[], prefix = ''): GuestError {
  const option = `${prefix}${name}`
  const near = nearest(name, known)
  const suggestion = near === undefined ? '' : `. Did you mean \`${prefix}${near}\`?`
  const hint = `Known options: ${known.join(', ')}.`
  return new GuestError(`Unknown option \`${option}\`${suggestion}`, { option, hint })
}

/** The known name with the fewest edits from `name`, if there are few. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const limit = Math.min(name.length - 1, Math.max(2, name.length / 4))
  const found = known.map((each) => ({ each, edits: distance(name, each) })).filter(({ edits }) => edits <= limit)
  return found.sort((one, other) => one.edits - other.edits)[0]?.each
}
