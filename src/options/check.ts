import { inspect } from 'node:util'
import { GuestError } from '../errors.ts'
import { badOption } from './bad-option.ts'

export function oneOf<T extends string>(option: string, value: unknown, values: readonly T[]): T {
  if (values.includes(value as T)) return value as T
  throw badOption(
    option,
    `one of ${values.map((each) => `'${each}'`).join(', ')}`,
    value,
    `Write ${option}: '${values[0]}'.`,
  )
}

/** A misspelt option would otherwise do nothing at all, in silence. */
export function refuseUnknown<T extends object>(options: T, known: readonly string[], prefix = ''): T {
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) {
      throw badOption(
        `${prefix}${name}`,
        'left out: there is no such option',
        (options as Record<string, unknown>)[name],
        `There are: ${known.join(', ')}.`,
      )
    }
  }
  return options
}

/** @param call what they are options of, as one writes it */
export function requireOptions(options: unknown, call: string): void {
  if (isPlainObject(options)) return
  throw new GuestError(`${call} takes an object of options; got ${inspect(options, { depth: 0 })}`)
}

export function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
