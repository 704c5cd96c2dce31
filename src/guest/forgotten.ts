import { warnOnce } from '../host/warn-once.ts'

interface Running {
  readonly hostname: string
  /** The caller's line that started it. */
  readonly startedAt: string | undefined
  readonly dispose: () => PromiseLike<void>
}

const running = new Set<Running>()

/** When the process has nothing else to do (lifetime/hold.ts), disposes of the guest with a warning. Disposing cancels this. */
export function endWithProcess(guest: Running): Disposable {
  if (running.size === 0) process.once('beforeExit', endAll)
  running.add(guest)
  return {
    [Symbol.dispose]: () => {
      running.delete(guest)
      if (running.size === 0) process.off('beforeExit', endAll)
    },
  }
}

function endAll(): void {
  for (const { hostname, startedAt, dispose } of [...running]) {
    const where = startedAt === undefined ? '' : `, which was started at ${startedAt},`
    warnOnce(
      `Guest ${hostname}${where} was never disposed of; it ends with this process. Write \`await using guest = await bootGuest()\`, or \`await guest[Symbol.asyncDispose]()\` when you are done with it.`,
    )
    dispose().then(undefined, () => {})
  }
}
