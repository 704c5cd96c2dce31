/** What the process has one of, by its name; on `globalThis`, because a module may be loaded more than once. */
export function perProcess<T>(name: string, make: () => T): T {
  const key = Symbol.for(`vitest-guest.${name}`)
  const holder = globalThis as { [key]?: T }
  return (holder[key] ??= make())
}
