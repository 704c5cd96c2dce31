import { inspect } from 'node:util'
import { GuestError } from '../errors.ts'
import { nearest } from './nearest.ts'

/** Enough for users to recognize their own value, which may be of any size. */
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
