import { NetworkError, WaitError } from '../../errors.ts'
import { Deadline } from '../../lifetime/deadline.ts'
import type { Panics, Panic } from '../../machine/panics.ts'
import type { ExecResult } from '../../ssh/command/exec-options.ts'
import { quote } from '../../ssh/quote.ts'
import { isSilence } from '../inspection/explain-failure.ts'
import type { GuestContext } from '../guest-context.ts'
import type { Connectivity } from '../connection/connectivity.ts'
import { begin } from './pending.ts'
import { isLoopback, parseSockets, SOCKETS_COMMAND, socketUrl } from './sockets.ts'
import { isIdle, parseProperties, showUnit, stateOf, unitEvidence } from './units.ts'
import { consoleWait, type ConsoleWaitOptions } from './wait-for-console.ts'
import { NotYet, resolveWait, waitUntil, type Wait, type WaitOptions } from './wait-until.ts'
import { until } from '../../lifetime/until.ts'

/**
 * Waits, named as in the NixOS test driver. Each one fails at once when the guest dies (its kernel panics, it is powered off,
 * QEMU exits), continues across a reboot, and throws a WaitError when it times out, with the last observed state (`lastSeen`), the number
 * of attempts (`attempts`), and the time spent (`elapsedMs`).
 */
export interface Waits {
  /**
   * Waits until a systemd unit is active. A name without a suffix means a service.
   *
   * For a unit that your own program starts later, which systemd cannot know, use
   * `` guest.waitUntilSucceeds('systemctl is-active NAME') ``.
   * @throws WaitError at once, with the unit's status and journal, when the unit has failed, is masked, or does not exist; and when it is
   * inactive while systemd has no pending jobs and no active timer, socket or path that would start it.
   */
  waitForUnit(name: string, options?: WaitOptions): Promise<void>
  /**
   * Waits until a TCP port of the guest accepts a connection from outside. A server that listens only on 127.0.0.1 does not; the error says so.
   */
  waitForPort(port: number, options?: WaitOptions): Promise<void>
  /** Waits until a path exists. */
  waitForFile(path: string, options?: WaitOptions): Promise<void>
  /**
   * Waits until the console output matches, and returns the match, which may span lines. As in NixOS, output before the call counts
   * too, except what an earlier wait has matched: two waits in a row find two matches, the second after the first. The wait
   * continues through a panic for as long as the kernel may print more.
   */
  waitForConsole(pattern: RegExp, options?: ConsoleWaitOptions): Promise<RegExpExecArray>
  /**
   * Waits until the guest's kernel panics, and returns the panic message, e.g. `sysrq triggered crash`. A panic before the call counts too,
   * unless an earlier call has returned it, or the guest was started or restored since. The console guard ignores panics that were waited
   * for. If the kernel then reboots by itself (kernel.panic=1), `reconnect()` and other waits follow it; otherwise `restore()`, or `crash()`
   * and `start()`, bring the guest back.
   */
  waitForPanic(options?: WaitOptions): Promise<string>
  /** Runs a command repeatedly until it succeeds, and returns its result. */
  waitUntilSucceeds(command: string, options?: WaitOptions): Promise<ExecResult>
  /** Runs a command repeatedly until it fails, and returns its result. */
  waitUntilFails(command: string, options?: WaitOptions): Promise<ExecResult>
}

export type WaitFor = <T>(
  options: WaitOptions & { outlastsPanic?: boolean },
  each: Pick<Wait<T>, 'what' | 'look' | 'lastLook' | 'explain'>,
) => Promise<T>

/** Milliseconds; a connect hangs for 3 s when the guest does not answer at all. */
const CONNECT_LIMIT = 1000

export function waits(guest: GuestContext, connect: Connectivity['connect']): Waits {
  const { id, exec, machine, accel, runState, why, explain } = guest
  const wait: WaitFor = ({ outlastsPanic, ...options }, each) => {
    const times = resolveWait(options, accel)
    return explain(() =>
      waitUntil({
        ...each,
        ...times,
        pending: begin(id, each.what),
        watch: (fail) => runState.watch(fail, outlastsPanic ? { outlastsPanic } : {}),
        // A guest that does not answer cannot be asked for the reason.
        explain: async (last) => {
          const reason = last && !last.isSilence ? undefined : await why()
          return reason ? { hint: reason.message, cause: reason } : ((await each.explain?.(last)) ?? {})
        },
      }),
    )
  }
  /** Only the whole wait has a time limit. */
  const run = (command: string, signal: AbortSignal) =>
    exec(command, { reject: false, timeout: 0, cancelSignal: signal })

  const untilItEnds = (command: string, options: WaitOptions, how: 'succeed' | 'fail') =>
    wait(options, {
      what: `\`${command}\` to ${how}`,
      look: async (signal) => {
        const result = await run(command, signal)
        if (result.failed === (how === 'fail')) return result
        const { exitCode, signal: by, stdout, stderr } = result
        throw new NotYet(ending(result), { exitCode, signal: by, stdout, stderr })
      },
      explain: async () => ({ command }),
    })

  return {
    waitForUnit: async (name, options = {}) => {
      await wait(options, {
        what: `unit ${name} to become active`,
        look: async (signal) => {
          const { stdout } = await exec(showUnit(name), { timeout: 0, cancelSignal: signal })
          const unit = parseProperties(stdout)
          if (unit['ActiveState'] === 'active') return
          if (unit['LoadState'] === 'not-found') {
            throw new WaitError(`Unit ${name} does not exist`, {
              lastSeen: 'not-found',
              hint: 'See systemctl list-unit-files in the guest; if a package provides the unit, add the package to the image.',
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
              hint: `Nothing started it, or it has finished. If your own program starts it later: guest.waitUntilSucceeds('systemctl is-active ${name}').`,
            })
          }
          throw new NotYet(stateOf(unit))
        },
        explain: () => unitEvidence(name, exec),
      })
    },

    waitForPort: async (port, options = {}) => {
      await wait(options, {
        what: `port ${port}`,
        look: async (signal) => {
          using limit = new Deadline(CONNECT_LIMIT, { signal })
          try {
            const socket = await connect(port, limit.signal)
            socket.on('error', () => {}).destroy()
          } catch (error) {
            if (limit.signal.aborted) throw new NotYet(`no answer within ${CONNECT_LIMIT} ms`, {}, true)
            if (error instanceof NetworkError) throw new NotYet(error.message, {}, isSilence(error))
            throw error
          }
        },
        explain: async () => ({ hint: whyNot(port, (await exec(SOCKETS_COMMAND)).stdout) }),
      })
    },

    waitForFile: async (path, options = {}) => {
      await wait(options, {
        what: `${path} to exist`,
        look: async (signal) => {
          if ((await run(`test -e ${quote(path)}`, signal)).failed) throw new NotYet('no such file')
        },
      })
    },

    waitForConsole: consoleWait(wait, machine.console),
    waitForPanic: panicWait(wait, machine.panics),

    waitUntilSucceeds: (command, options = {}) => untilItEnds(command, options, 'succeed'),
    waitUntilFails: (command, options = {}) => untilItEnds(command, options, 'fail'),
  }
}

function ending({ exitCode, signal, stdout, stderr }: ExecResult): string {
  const how = signal === undefined ? `exit code ${exitCode}` : `killed by ${signal}`
  const said = (stderr || stdout).trim().split('\n').at(-1)
  return said ? `${how}: ${said}` : how
}

function whyNot(port: number, table: string): string {
  const listening = parseSockets(table).filter((socket) => socket.protocol === 'tcp' && socket.port === port)
  if (listening.length === 0) return `Nothing in the guest listens on port ${port}.`
  const where = listening.map(socketUrl).join(', ')
  return listening.every(({ address }) => isLoopback(address))
    ? `It listens only on ${where}, which only the guest itself can reach; make it listen on 0.0.0.0.`
    : `It listens on ${where}; does a firewall in the guest drop connections from outside?`
}

function panicWait(wait: WaitFor, panics: Panics): Waits['waitForPanic'] {
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
