/** Returns a function that runs work one piece after the other, in the order of the calls, even if one of them fails. */
export function turns() {
  let last: Promise<void> = Promise.resolve()
  return async <T>(work: () => Promise<T>): Promise<T> => {
    const before = last
    const { promise, resolve } = Promise.withResolvers<void>()
    last = promise
    await before
    // Awaited here, so that the stack of an error has the caller's line.
    try {
      return await work()
    } finally {
      resolve()
    }
  }
}
