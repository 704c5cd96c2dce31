import { badOption } from '../errors/bad-option.ts'
import { attempt, isPlainObject } from './check.ts'

const HINT = 'Use only strings, numbers, booleans, null, arrays and plain objects: the value is written as YAML.'
const EXAMPLE = "Write cloudConfig: { write_files: [{ path: '/etc/motd', content: 'hello' }] }, not YAML text."
/** Deeper than any cloud-config; JSON.stringify would overflow the stack. */
const DEEPEST = 100

/** A copy, for the template's key and the seed. @throws GuestError naming the part that is not plain data */
export function parseCloudConfig(cloudConfig: unknown): Record<string, unknown> {
  if (!isPlainObject(cloudConfig)) throw badOption('cloudConfig', 'an object', cloudConfig, EXAMPLE)
  return copyOf(cloudConfig, 'cloudConfig', []) as Record<string, unknown>
}

function copyOf(value: unknown, path: string, above: readonly unknown[]): unknown {
  if (value === null || ['string', 'boolean'].includes(typeof value) || Number.isFinite(value)) return value
  const isList = Array.isArray(value)
  if (!isList && !isPlainObject(value)) throw badOption(path, 'plain data', value, HINT)
  if (above.includes(value)) throw badOption(path, 'data without circular references', value, HINT)
  if (above.length > DEEPEST) throw badOption(path, `at most ${DEEPEST} levels deep`, value, HINT)
  const within = [...above, value]
  if (isList) return Array.from(value, (_, index) => copyOf(read(value, index, path), `${path}[${index}]`, within))
  const [symbol] = Object.getOwnPropertySymbols(value)
  if (symbol !== undefined) throw badOption(`${path}[${String(symbol)}]`, 'omitted: YAML has no symbols', symbol, HINT)
  const entries = Object.keys(value).map((key) => [key, read(value, key, path)] as const)
  // As in JSON, undefined values are dropped.
  const there = entries.filter(([, each]) => each !== undefined)
  return Object.fromEntries(there.map(([key, each]) => [key, copyOf(each, `${path}.${key}`, within)]))
}

function read(value: object, key: string | number, path: string): unknown {
  const option = typeof key === 'number' ? `${path}[${key}]` : `${path}.${key}`
  return attempt(() => (value as Record<string | number, unknown>)[key], option, HINT)
}
