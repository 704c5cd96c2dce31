type Dispose = () => unknown

/**
 * A stack of clean-up steps; Node 22 has no AsyncDisposableStack. Disposing runs all of them, newest first, even if one throws; the
 * first error is thrown at the end. Disposing again waits for the first run and does nothing more.
 */
export class Disposers implements AsyncDisposable {
  #steps: Dispose[] = []
  #running: Promise<void> | undefined
  #isOver = false

  /** A step that is added after disposal runs at once, without being awaited. */
  defer(step: Dispose): void {
    this.#steps.push(step)
    if (this.#isOver) void this.#run().catch(() => {})
  }

  use<T extends AsyncDisposable>(resource: T): T {
    this.defer(() => resource[Symbol.asyncDispose]())
    return resource
  }

  /** The same for a resource that is still being created, while other work continues. Its error goes to whoever awaits it. */
  useSoon<T extends AsyncDisposable>(making: Promise<T>): Promise<T> {
    making.catch(() => {})
    this.defer(() =>
      making.then(
        (resource) => resource[Symbol.asyncDispose](),
        () => {},
      ),
    )
    return making
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#running ??= this.#run()
    return this.#running
  }

  async #run(): Promise<void> {
    const errors: unknown[] = []
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) {
      try {
        await step()
      } catch (error) {
        errors.push(error)
      }
    }
    this.#isOver = true
    if (errors.length > 0) throw errors[0]
  }
}

/**
 * Runs `create` with a new stack. If it throws, what it had acquired is released before the error is rethrown; an error of
 * that release does not hide it.
 */
export async function acquire<T>(create: (disposers: Disposers) => Promise<T>): Promise<T> {
  const disposers = new Disposers()
  try {
    return await create(disposers)
  } catch (error) {
    await disposers[Symbol.asyncDispose]().catch(() => {})
    throw error
  }
}
