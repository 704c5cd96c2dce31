import { inspect } from 'node:util'
import { GuestError } from '../errors.ts'
import { badOption, unknownOption } from '../errors/bad-option.ts'

const PLAIN_HINT = 'Pass plain values, without getters or proxies that throw.'

export function oneOf<T extends string>(option: string, value: unknown, values: readonly T[], example = values[0]): T {
  if (values.includes(value as T)) return value as T
  throw badOption(option, `one of '${values.join("', '")}'`, value, `Write ${option}: '${example}'.`)
}

/**
 * A copy of the options, which must have known names: otherwise a misspelt option would be silently ignored.
 * @throws GuestError for an unknown name, and for an option whose getter throws
 */
export function refuseUnknown<T extends object>(options: T, known: readonly string[], prefix = ''): T {
  const copy = readOnce(options, prefix)
  for (const name of Object.keys(copy)) if (!known.includes(name)) throw unknownOption(name, known, prefix)
  return copy
}

/**
 * A copy of the options of a call.
 * @param call the call as users write it, e.g. `bootGuest()`
 * @throws GuestError for a value that is not an options object, or throws when read
 */
export function requireOptions<T extends object>(options: T, call: string): T {
  if (isPlainObject(options)) return readOnce(options)
  throw new GuestError(`${call} takes an options object; got ${inspect(options, { depth: 0, customInspect: false })}`)
}

/** Reads every option exactly once, because a getter may throw, or return another value the next time. */
export function readOnce<T extends object>(options: T, prefix = ''): T {
  const copy: Record<string, unknown> = {}
  for (const name of attempt(() => Object.keys(options), prefix.slice(0, -1) || 'options')) {
    copy[name] = attempt(() => (options as Record<string, unknown>)[name], `${prefix}${name}`)
  }
  return copy as T
}

/** @throws GuestError if reading throws */
export function attempt<T>(read: () => T, option: string, hint = PLAIN_HINT): T {
  try {
    return read()
  } catch (cause) {
    const why =
      cause instanceof Error ? cause.message : inspect(cause, { depth: -1, maxStringLength: 100, customInspect: false })
    throw new GuestError(`Option \`${option}\` cannot be read: ${why}`, { option, hint, cause })
  }
}

/** An object literal, or an object without a prototype, of any realm (as in vitest's vm pools); not an array, Map or Date. */
export function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  try {
    if (Array.isArray(value)) return false
    const prototype: unknown = Object.getPrototypeOf(value)
    return prototype === null || Object.getPrototypeOf(prototype) === null
  } catch {
    // A proxy may throw here too.
    return false
  }
}

/** @throws GuestError for an invalid number of milliseconds */
export function requireMilliseconds(option: string, value: unknown, orNone = ''): void {
  if (typeof value === 'number' && value >= 0) return
  throw badOption(option, 'a number of milliseconds', value, `Write ${option}: 5_000${orNone}.`)
}

/** @throws GuestError for a value that is neither undefined nor a function */
export function requireFunction(option: string, value: unknown): void {
  if (value === undefined || typeof value === 'function') return
  throw badOption(option, 'a function', value, `Write ${option}: (event) => { … }.`)
}

/** @throws GuestError for a value that is neither undefined nor an AbortSignal, of any realm */
export function requireSignal(option: string, value: unknown): void {
  if (value === undefined) return
  if (Object.prototype.toString.call(value) === '[object AbortSignal]') return
  throw badOption(option, 'an AbortSignal', value, `Write ${option}: AbortSignal.timeout(60_000).`)
}
