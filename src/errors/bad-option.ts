import { inspect } from 'node:util'
import { GuestError } from '../errors.ts'

/** Enough to know one's own value again; it may be of any size. */
const SHOWN = { depth: 1, maxStringLength: 100, maxArrayLength: 10, customInspect: false } as const

/** The error for a bad option: its name, what was expected, what came, and what to write instead. */
export function badOption(option: string, expected: string, got: unknown, hint: string): GuestError {
  return new GuestError(`Option \`${option}\` must be ${expected}; got ${inspect(got, SHOWN)}`, { option, hint })
}
