import type { Readable } from 'node:stream'
import type { Client, ClientChannel } from 'ssh2'
import { timerMs } from '../../lifetime/longest-timer.ts'
import { requireMilliseconds, requireSignal } from '../../options/check.ts'
import type { CutOff, Ending } from './command-facts.ts'
import { endOf, notStarted, shellFailed } from './exec-errors.ts'
import type { CommandOptions } from './exec-options.ts'
import { MOST_SESSIONS, takeSession } from './sessions.ts'
import { signalGroup } from './signal-group.ts'
import { startMark } from './start-mark.ts'
import { withSurroundings } from './surroundings.ts'

/** A command being started. Its promises reject with an SshError when it cannot be. */
interface StartedCommand {
  /** The leader of its process group; undefined when it ended before that was known. */
  readonly pid: Promise<number | undefined>
  /** The words with which the script called `tell`; empty when it did not. */
  readonly greeting: Promise<string>
  /** Its input; undefined when it ended before that was open. */
  readonly channel: Promise<ClientChannel | undefined>
  readonly stdout: Readable
  readonly stderr: Readable
  /** Its process has ended; output may still arrive. */
  readonly exited: Promise<Ending>
  /** Everything that had its streams open has ended too. */
  readonly closed: Promise<Ending>
  /** Kills its process group. It counts as ended at once; the promise resolves when the guest has done it. */
  cut(cutOff: CutOff): Promise<void>
}

interface How {
  /** If the connection has its maximum of commands: wait for one to end, or refuse. `spare` takes a session kept for files. */
  readonly session: 'wait' | 'refuse' | 'spare'
  /** Whether the command itself calls `tell`. @default it is called first */
  readonly tells?: boolean
  /** For messages. @default the command */
  readonly what?: string
}

/**
 * Runs a command in a separate channel. A first line makes the shell report where the command's output begins, and its pid, which is also
 * that of its process group (sshd calls setsid), so that the group can be killed: ssh2 1.17 silently drops SSH's `signal` request once the
 * input has ended (lib/Channel.js).
 */
export function startCommand(
  client: Client,
  command: string,
  options: CommandOptions,
  { session, tells = false, what = command }: How,
): StartedCommand {
  const { timeout = 0, cancelSignal } = options
  requireSignal('cancelSignal', cancelSignal)
  const script = withSurroundings(command, options)
  requireMilliseconds('timeout', timeout, ', or 0 for none')
  const pid = Promise.withResolvers<number | undefined>()
  const greeting = Promise.withResolvers<string>()
  const opened = Promise.withResolvers<ClientChannel | undefined>()
  const exited = Promise.withResolvers<Ending>()
  const closed = Promise.withResolvers<Ending>()
  const killed = Promise.withResolvers<void>()
  let channel: ClientChannel | undefined
  let exit: Ending | undefined
  let isCut = false
  let isAsked = false
  let leave: (() => void) | undefined
  let timer: NodeJS.Timeout | undefined
  let group: number | undefined

  const mark = startMark()
  // By both streams: one is destroyed when its reader is, the other may be closed by a start-up file.
  const onStart = (known: number, words: string) => {
    if (group !== undefined) return
    group = known
    pid.resolve(known)
    greeting.resolve(words)
    killWhenKnown()
  }
  const [stdout, stderr] = [mark.cut(onStart), mark.cut(onStart)]
  for (const output of [stdout, stderr]) output.on('fail', (why: string) => onShellFailed(why))
  const endStreams = () => {
    stdout.end()
    stderr.end()
  }
  const release = () => {
    clearTimeout(timer)
    cancelSignal?.removeEventListener('abort', onAbort)
    client.off('close', onLost)
  }
  const settle = (ending: Ending) => {
    release()
    pid.resolve(undefined)
    greeting.resolve('')
    opened.resolve(undefined)
    exited.resolve(ending)
    closed.resolve(ending)
  }
  const cut = (cutOff: CutOff) => {
    isCut = true
    settle({ cutOff })
    if (isAsked) killWhenKnown()
    else giveUp()
    return killed.promise
  }
  const letGo = () => {
    channel?.unpipe(stdout).resume()
    channel?.stderr.unpipe(stderr).resume()
    channel?.close()
  }
  const killWhenKnown = () => {
    if (!isCut || !channel || group === undefined) return
    letGo()
    const over = () => {
      killed.resolve()
      leave?.()
    }
    // It fails when the connection is gone.
    signalGroup(client, group, 'SIGKILL').then(over, over)
    endStreams()
  }
  const onAbort = () => void cut({ by: 'cancelSignal', cause: cancelSignal?.reason })
  const onLost = () => {
    settle({})
    killed.resolve()
    leave?.()
    // An open channel ends its streams itself, after its remaining output.
    if (!channel) endStreams()
  }
  const onShellFailed = (why: string) => {
    letGo()
    onNotStarted(shellFailed(what, why, { stdout: stdout.before, stderr: stderr.before }))
  }
  const onNotStarted = (error: Error) => {
    release()
    greeting.resolve('')
    for (const { promise, reject } of [pid, opened, exited, closed]) {
      // Nobody waits for all four.
      promise.catch(() => {})
      reject(error)
    }
    killed.resolve()
    leave?.()
    endStreams()
  }

  const giveUp = () => {
    leave?.()
    killed.resolve()
    endStreams()
  }
  const ask = (tries = OPEN_TRIES) => {
    isAsked = true
    const telling = tells ? `tell() { ${mark.say('$*')}; }` : mark.say()
    client.exec(`${telling}\n${script}`, (error, started) => {
      if (error && isFull(error) && tries > 1) {
        setTimeout(() => (isCut ? giveUp() : tryToAsk(tries - 1)), BETWEEN_TRIES)
        return
      }
      if (error) return onNotStarted(notStarted(what, error))
      channel = started
      channel.on('error', () => {})
      channel.on('exit', (code: number | null, signal?: string) => {
        exit ??= { exitCode: code ?? undefined, signal }
        // It may have ended before the command ran, which is known only once all its output has arrived.
        void Promise.race([pid.promise, closed.promise]).then(
          () => exited.resolve(exit as Ending),
          () => {},
        )
      })
      channel.on('close', () => {
        if (exit && !isCut && group === undefined)
          return onShellFailed(`exited before the command ran (${endOf(exit)})`)
        settle(exit ?? {})
        // The session of a killed command is free only when the kill is done, which is later.
        if (isCut && group !== undefined) return
        killed.resolve()
        leave?.()
      })
      channel.pipe(stdout)
      channel.stderr.pipe(stderr)
      opened.resolve(channel)
    })
  }

  const tryToAsk = (tries?: number) => {
    try {
      ask(tries)
    } catch (cause) {
      onNotStarted(notStarted(what, cause))
    }
  }

  if (cancelSignal?.aborted) {
    onAbort()
  } else {
    cancelSignal?.addEventListener('abort', onAbort, { once: true })
    if (timeout > 0) timer = setTimeout(() => void cut({ by: 'timeout' }), timerMs(timeout))
    client.once('close', onLost)
    const begin = (giveBack = () => {}) => {
      leave = giveBack
      tryToAsk()
    }
    if (session === 'spare') begin()
    else leave = takeSession(client, session === 'wait', begin)
    const tooMany = `${MOST_SESSIONS} commands are already running over this connection, the maximum`
    if (!leave) onNotStarted(notStarted(what, new Error(tooMany)))
  }
  return {
    pid: pid.promise,
    greeting: greeting.promise,
    channel: opened.promise,
    stdout,
    stderr,
    exited: exited.promise,
    closed: closed.promise,
    cut,
  }
}

/** sshd frees the session of a closed channel a moment later. */
const OPEN_TRIES = 30
/** Milliseconds. */
const BETWEEN_TRIES = 100
/** RFC 4254, 5.1: SSH_OPEN_CONNECT_FAILED, sshd's answer when all sessions are in use. */
const CONNECT_FAILED = 2

function isFull(error: Error): boolean {
  return 'reason' in error && error.reason === CONNECT_FAILED
}
