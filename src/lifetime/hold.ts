/** Effectively forever: the timer exists only to keep the process alive. */
const NEVER = 2 ** 31 - 1

let holders = 0
let timer: NodeJS.Timeout | undefined

/**
 * Keeps Node from ending the process until disposed. The resources of a guest (QEMU, its keeper, their pipes, SSH connections) do not:
 * a process whose own work is done ends even if it forgot a guest. So code that waits for one of these has to hold.
 */
export function hold(): Disposable {
  holders++
  timer ??= setInterval(() => {}, NEVER)
  let held = true
  return {
    [Symbol.dispose]: () => {
      if (!held) return
      held = false
      if (--holders > 0) return
      clearInterval(timer)
      timer = undefined
    },
  }
}

export async function held<T>(work: () => PromiseLike<T>): Promise<T> {
  using _ = hold()
  return await work()
}

/** The same object, with methods that keep the process alive until the promises they return settle. */
export function holding<T extends object>(object: T): T {
  for (const name of Reflect.ownKeys(object)) {
    const method: unknown = Object.getOwnPropertyDescriptor(object, name)?.value
    if (typeof method !== 'function') continue
    const holdingMethod = (...args: unknown[]) => {
      const result: unknown = Reflect.apply(method, object, args)
      // Returned, so that an unhandled rejection stays one.
      return result instanceof Promise ? held(() => result) : result
    }
    // Some functions have properties.
    Object.assign(object, { [name]: Object.assign(holdingMethod, method) })
  }
  return object
}
