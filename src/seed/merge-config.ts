import { isPlainObject } from '../options/check.ts'

export type Config = Readonly<Record<string, unknown>>

/**
 * The user's cloud-config over ours: maps are merged, lists appended (ours first), and every other value, or one of
 * another kind than ours, replaces ours. Neither argument is changed.
 */
export function mergeConfig(ours: Config, users: Config): Config {
  const keys = new Set([...Object.keys(ours), ...Object.keys(users)])
  return Object.fromEntries(
    [...keys].map((key) => [key, Object.hasOwn(users, key) ? merge(ours[key], users[key]) : ours[key]]),
  )
}

function merge(ours: unknown, users: unknown): unknown {
  if (Array.isArray(ours) && Array.isArray(users)) return [...(ours as unknown[]), ...(users as unknown[])]
  if (isPlainObject(ours) && isPlainObject(users)) return mergeConfig(ours, users)
  return users
}
