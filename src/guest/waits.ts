import { NetworkError, WaitError } from '../errors.ts'
import type { Accelerator } from '../host/accelerator.ts'
import type { Console } from '../machine/console.ts'
import { badOption } from '../options/bad-option.ts'
import type { ExecResult } from '../ssh/exec.ts'
import { quote } from '../ssh/quote.ts'
import { isSilence, type Explain, type Why } from './explain-failure.ts'
import type { Guest } from './guest.ts'
import type { Life } from './life.ts'
import { isLoopback, parseSockets, SOCKETS_COMMAND, socketUrl } from './sockets.ts'
import { isIdle, parseProperties, showUnit, stateOf, unitEvidence } from './units.ts'
import { NotYet, resolveWait, waitUntil, type Wait, type WaitOptions } from './wait-until.ts'

export interface ConsoleWaitOptions extends WaitOptions {
  /** Milliseconds from one search to the next, at the least. @default 0, a search whenever some more text has come */
  interval?: number
  /** Where to begin, as `guest.console.position` gave it. @default after the last match of an earlier wait */
  since?: number
}

/**
 * Waits, by the names of the NixOS test driver. Each ends at once when the guest dies (its kernel panics, it is powered off,
 * QEMU ends), outlasts a reboot, and throws a WaitError when its time is up: with what was seen last (`lastSeen`), how often
 * it looked (`attempts`), and for how long (`elapsedMs`).
 */
export interface Waits {
  /**
   * Until a systemd unit is active. A name without a suffix is that of a service.
   *
   * For one that a test's own program starts later, which systemd cannot know:
   * `` guest.waitUntilSucceeds('systemctl is-active NAME') ``.
   * @throws WaitError at once, with the unit's status and journal, when it has failed, is masked, or does not exist; and when it is
   * inactive while systemd has no pending jobs, and no timer, socket or path that would start it is active.
   */
  waitForUnit(name: string, options?: WaitOptions): Promise<void>
  /**
   * Until a TCP port of the guest takes a connection from outside. What listens on 127.0.0.1 alone does not; the error says so.
   */
  waitForPort(port: number, options?: WaitOptions): Promise<void>
  /** Until a path exists. */
  waitForFile(path: string, options?: WaitOptions): Promise<void>
  /**
   * Until the console shows a match, which is returned; it may span lines. As in NixOS, what was written before the call counts
   * too, unless an earlier wait has found its match in it: two waits in a row are for two matches, the second after the first.
   */
  waitForConsole(pattern: RegExp, options?: ConsoleWaitOptions): Promise<RegExpExecArray>
  /** Until a command succeeds; returns its result. The command is run again and again, each run to its end. */
  waitUntilSucceeds(command: string, options?: WaitOptions): Promise<ExecResult>
  /** Until a command fails; returns its result. */
  waitUntilFails(command: string, options?: WaitOptions): Promise<ExecResult>
}

interface Parts {
  readonly exec: Guest['exec']
  readonly connect: Guest['connect']
  readonly console: Console
  readonly accel: Accelerator
  readonly life: Life
  readonly why: Why
  readonly explain: Explain
}

/** A connect to a port may hang for 3 s when the guest does not answer at all. */
const CONNECT_LIMIT = 1000
const LAST_LINES = 3

export function waits({ exec, connect, console, accel, life, why, explain }: Parts): Waits {
  let consumed: ConsolePoint = { position: 0, skip: 0 }

  const wait = <T>(options: WaitOptions, each: Pick<Wait<T>, 'what' | 'look' | 'explain'>) => {
    const times = resolveWait(options, accel)
    return explain(() =>
      waitUntil({
        ...each,
        ...times,
        watch: (fail) => life.watch(fail),
        // A guest that does not answer cannot be asked why either.
        explain: async (last) => {
          const reason = last && !last.isSilence ? undefined : await why()
          return reason ? { hint: reason.message, cause: reason } : ((await each.explain?.(last)) ?? {})
        },
      }),
    )
  }
  /** The time limit is that of the whole wait. */
  const run = (command: string, signal: AbortSignal) =>
    exec(command, { reject: false, timeout: 0, cancelSignal: signal })

  const untilItEnds = (command: string, options: WaitOptions, how: 'succeeds' | 'fails') =>
    wait(options, {
      what: `this ${how}: ${command}`,
      look: async (signal) => {
        const result = await run(command, signal)
        if (result.failed === (how === 'fails')) return result
        throw new NotYet(ending(result), {
          exitCode: result.exitCode,
          signal: result.signal,
          stdout: result.stdout,
          stderr: result.stderr,
        })
      },
      explain: async () => ({ command }),
    })

  return {
    waitForUnit: async (name, options = {}) => {
      await wait(options, {
        what: `unit ${name} is active`,
        look: async (signal) => {
          const { stdout } = await exec(showUnit(name), { timeout: 0, cancelSignal: signal })
          const unit = parseProperties(stdout)
          if (unit['ActiveState'] === 'active') return
          if (unit['LoadState'] === 'not-found') {
            throw new WaitError(`There is no unit ${name}`, {
              lastSeen: 'not-found',
              hint: 'See systemctl list-unit-files in the guest; a package that brings it goes into the image.',
            })
          }
          const isHopeless = unit['LoadState'] !== 'loaded'
          if (isHopeless || unit['ActiveState'] === 'failed') {
            const lastSeen = isHopeless ? (unit['LoadState'] ?? 'unknown') : stateOf(unit)
            throw new WaitError(`Unit ${name} will not become active; it is ${lastSeen}`, {
              lastSeen,
              ...(await unitEvidence(name, exec)),
            })
          }
          if (unit['ActiveState'] === 'inactive' && !unit['Job'] && !(await run(isIdle(name), signal)).failed) {
            throw new WaitError(`Unit ${name} will not become active; it is inactive, and there are no pending jobs`, {
              lastSeen: stateOf(unit),
              ...(await unitEvidence(name, exec)),
              hint: `Nobody has started it, or it has done its work and ended. If something is still to start it: guest.waitUntilSucceeds('systemctl is-active ${name}').`,
            })
          }
          throw new NotYet(stateOf(unit))
        },
        explain: () => unitEvidence(name, exec),
      })
    },

    waitForPort: async (port, options = {}) => {
      await wait(options, {
        what: `port ${port} answers`,
        look: async (signal) => {
          const limit = AbortSignal.any([signal, AbortSignal.timeout(CONNECT_LIMIT)])
          try {
            const socket = await connect(port, limit)
            socket.on('error', () => {}).destroy()
          } catch (error) {
            if (limit.aborted) throw new NotYet(`no answer within ${CONNECT_LIMIT} ms`, {}, true)
            if (error instanceof NetworkError) throw new NotYet(error.message, {}, isSilence(error))
            throw error
          }
        },
        explain: async () => ({ hint: whyNot(port, (await exec(SOCKETS_COMMAND)).stdout) }),
      })
    },

    waitForFile: async (path, options = {}) => {
      await wait(options, {
        what: `${path} exists`,
        look: async (signal) => {
          if ((await run(`test -e ${quote(path)}`, signal)).failed) throw new NotYet('no such file')
        },
      })
    },

    waitForConsole: async (pattern, { since, ...options } = {}) => {
      const isSingle = options.timeout === 0
      if (!(pattern instanceof RegExp))
        throw badOption('pattern', 'a RegExp', pattern, 'Write waitForConsole(/login:/).')
      const begin = since === undefined ? consumed : { position: since, skip: 0 }
      // With these flags a pattern would remember where it matched before.
      const search = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ''))
      const found = await wait(options, {
        what: `the console shows ${String(pattern)}`,
        look: async (signal) => {
          const match = search.exec(textAfter(console, begin))
          if (match) return match
          if (isSingle) throw new NotYet('no match')
          return nextMatch(console, search, begin, options.interval ?? 0, signal)
        },
        explain: async () => ({
          lastSeen: textAfter(console, begin).trimEnd().split('\n').slice(-LAST_LINES).join('\n'),
          consoleTail: console.tail,
        }),
      })
      consumed = { ...begin, skip: begin.skip + found.index + found[0].length }
      return found
    },

    waitUntilSucceeds: (command, options = {}) => untilItEnds(command, options, 'succeeds'),
    waitUntilFails: (command, options = {}) => untilItEnds(command, options, 'fails'),
  }
}

function ending({ exitCode, signal, stdout, stderr }: ExecResult): string {
  const how = signal === undefined ? `exit code ${exitCode}` : `killed with ${signal}`
  const said = (stderr || stdout).trim().split('\n').at(-1)
  return said ? `${how}: ${said}` : how
}

function whyNot(port: number, table: string): string {
  const listening = parseSockets(table).filter((socket) => socket.protocol === 'tcp' && socket.port === port)
  if (listening.length === 0) return `Nothing in the guest listens on port ${port}.`
  const where = listening.map(socketUrl).join(', ')
  return listening.every(({ address }) => isLoopback(address))
    ? `It listens on ${where} alone, which only the guest itself can reach; have it listen on 0.0.0.0.`
    : `It listens on ${where}; does a firewall in the guest drop what comes from outside?`
}

/** So many characters of the text after a position. */
interface ConsolePoint {
  readonly position: number
  readonly skip: number
}

function textAfter(console: Console, { position, skip }: ConsolePoint): string {
  return console.textSince(position).slice(skip)
}

function nextMatch(
  console: Console,
  pattern: RegExp,
  since: ConsolePoint,
  interval: number,
  signal: AbortSignal,
): Promise<RegExpExecArray> {
  return new Promise((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined
    const stop = () => {
      stopListening()
      clearTimeout(timer)
      signal.removeEventListener('abort', onAbort)
    }
    const look = () => {
      timer = undefined
      const match = pattern.exec(textAfter(console, since))
      if (!match) return
      stop()
      resolve(match)
    }
    const onAbort = () => {
      stop()
      reject(signal.reason as Error)
    }
    const stopListening = console.onOutput(() => {
      if (interval === 0) look()
      else timer ??= setTimeout(look, interval)
    })
    signal.addEventListener('abort', onAbort, { once: true })
  })
}
