import { inspect } from 'node:util'
import { GuestError } from '../errors.ts'

/** The error for a bad option: its name, what was expected, what came, and what to write instead. */
export function badOption(option: string, expected: string, got: unknown, hint: string): GuestError {
  return new GuestError(`Option \`${option}\` must be ${expected}; got ${inspect(got, { depth: 1 })}`, { option, hint })
}
