import { until } from '../../lifetime/until.ts'
import type { Panic, Panics } from '../../machine/panics.ts'
import { NotYet } from './wait-until.ts'
import type { WaitFor, Waits } from './waits.ts'

export function panicWait(wait: WaitFor, panics: Panics): Waits['waitForPanic'] {
  return async (options = {}) => {
    const panic = await wait(
      { ...options, outlastsPanic: true },
      {
        what: 'a kernel panic',
        look: async (signal) => {
          if (panics.next) return panics.next
          if (options.timeout === 0) throw new NotYet('no panic')
          return next(panics, signal)
        },
        lastLook: () => panics.next,
      },
    )
    panics.expect(panic)
    return panic.reason
  }
}

function next(panics: Panics, signal: AbortSignal): Promise<Panic> {
  const { promise, resolve } = Promise.withResolvers<Panic>()
  const stop = panics.onChange(() => panics.next && resolve(panics.next))
  return until(signal, promise).finally(stop)
}
