import { until } from '../../lifetime/until.ts'
import type { Console } from '../../machine/console.ts'
import { badOption } from '../../errors/bad-option.ts'
import { NotYet, type WaitOptions } from './wait-until.ts'
import type { WaitFor, Waits } from './waits.ts'

export interface ConsoleWaitOptions extends WaitOptions {
  /** Minimum number of milliseconds between searches. @default 0, a search whenever new text arrives */
  interval?: number
  /** Where to start, as returned by `guest.console.position`. @default after the last match of an earlier wait */
  since?: number
}

const LAST_LINES = 3
/** Searching the growing text takes at most 1/SHARE of the time. */
const SHARE = 5

export function consoleWait(wait: WaitFor, console: Console): Waits['waitForConsole'] {
  let consumed = 0
  return async (pattern, { since, ...options } = {}) => {
    const isSingle = options.timeout === 0
    if (!(pattern instanceof RegExp)) throw badOption('pattern', 'a RegExp', pattern, 'Write waitForConsole(/login:/).')
    const begin = since ?? consumed
    // With these flags a RegExp remembers its last match.
    const search = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''))
    const find = () => {
      const text = console.textSince(begin)
      const match = search.exec(text)
      return match ? { match, end: console.position - text.length + match.index + match[0].length } : undefined
    }
    const { match, end } = await wait(
      { ...options, outlastsPanic: true },
      {
        what: `${String(pattern)} on the console`,
        look: async (signal) => {
          const found = find()
          if (found) return found
          if (isSingle) throw new NotYet('no match')
          return next(console, find, options.interval ?? 0, signal)
        },
        lastLook: find,
        explain: async () => ({
          lastSeen: console.textSince(begin).trimEnd().split('\n').slice(-LAST_LINES).join('\n'),
          consoleTail: console.tail,
        }),
      },
    )
    consumed = end
    return match
  }
}

/** The first match after more output. */
function next<T>(console: Console, find: () => T | undefined, interval: number, signal: AbortSignal): Promise<T> {
  const { promise, resolve } = Promise.withResolvers<T>()
  let timer: NodeJS.Timeout | undefined
  let pause = interval
  const look = () => {
    timer = undefined
    const startedAt = performance.now()
    const found = find()
    // Each search covers all of the text, because a match may span lines.
    pause = Math.max(interval, SHARE * (performance.now() - startedAt))
    if (found) resolve(found)
  }
  const stop = console.onOutput(() => {
    if (pause < 1) look()
    else timer ??= setTimeout(look, pause)
  })
  return until(signal, promise).finally(() => {
    stop()
    clearTimeout(timer)
  })
}
