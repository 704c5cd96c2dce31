import type { Readable } from 'node:stream'
import type { Client, ClientChannel } from 'ssh2'
import { GuestError } from '../../errors.ts'
import { timerMs } from '../../lifetime/longest-timer.ts'
import { requireSignal } from '../../options/check.ts'
import { badOption } from '../../errors/bad-option.ts'
import type { CutOff, Ending } from './command-facts.ts'
import { endOf, notStarted, shellFailed } from './exec-errors.ts'
import type { CommandOptions } from './exec-options.ts'
import { MOST_SESSIONS, takeSession } from './sessions.ts'
import { signalGroup } from './signal-group.ts'
import { SAYING_BYTES, startMark } from './start-mark.ts'
import { withSurroundings } from './surroundings.ts'

/** A command that was asked for. Its promises reject with an SshError when it could not be started. */
interface StartedCommand {
  /** The leader of its process group; undefined when it was over before that was known. */
  readonly pid: Promise<number | undefined>
  /** Its input; undefined when it was over before that was there. */
  readonly channel: Promise<ClientChannel | undefined>
  readonly stdout: Readable
  readonly stderr: Readable
  /** Its process is over; what it wrote may still be on its way. */
  readonly exited: Promise<Ending>
  /** Whatever held its streams is over too. */
  readonly closed: Promise<Ending>
  /** Kills its process group. It counts as over at once; what is returned waits until the guest has done it. */
  cut(cutOff: CutOff): Promise<void>
}

/**
 * Runs a command in a channel of its own. Its first line makes the shell tell where its own output begins, and its pid, which is its process
 * group's too (sshd calls setsid), so that it can be killed whole: ssh2 1.17 drops SSH's `signal` request in silence once the input has ended
 * (lib/Channel.js).
 * @param mayWait whether for others to end, when as many run as one connection can have
 */
export function startCommand(
  client: Client,
  command: string,
  options: CommandOptions,
  mayWait: boolean,
): StartedCommand {
  const { timeout = 0, cancelSignal } = options
  requireSignal('cancelSignal', cancelSignal)
  const script = withSurroundings(command, options)
  if (typeof timeout !== 'number' || !(timeout >= 0)) {
    throw badOption('timeout', 'a number of milliseconds', timeout, 'Write timeout: 5_000, or 0 for none.')
  }
  requireSendable(script)
  const pid = Promise.withResolvers<number | undefined>()
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
  const stdout = mark.cut((known) => {
    group = known
    pid.resolve(known)
    killWhenKnown()
  })
  const stderr = mark.cut()
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
    // When it fails the connection is gone, and with it the way to the command.
    signalGroup(client, group, 'SIGKILL').then(over, over)
    endStreams()
  }
  const onAbort = () => void cut({ by: 'cancelSignal', cause: cancelSignal?.reason })
  const onLost = () => {
    settle({})
    killed.resolve()
    leave?.()
    // An open channel ends its streams itself, after what it still holds.
    if (!channel) endStreams()
  }
  const onShellFailed = (why: string) => {
    letGo()
    onNotStarted(shellFailed(command, why, { stdout: stdout.before, stderr: stderr.before }))
  }
  const onNotStarted = (error: Error) => {
    release()
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
    client.exec(`${mark.say()}\n${script}`, (error, started) => {
      if (error && isFull(error) && tries > 1) {
        setTimeout(() => (isCut ? giveUp() : tryToAsk(tries - 1)), BETWEEN_TRIES)
        return
      }
      if (error) return onNotStarted(notStarted(command, error))
      channel = started
      channel.on('error', () => {})
      channel.on('exit', (code: number | null, signal?: string) => {
        exit ??= { exitCode: code ?? undefined, signal }
        // It may have ended before it came to the command, which is not known before all that it wrote has come.
        void Promise.race([pid.promise, closed.promise]).then(
          () => exited.resolve(exit as Ending),
          () => {},
        )
      })
      channel.on('close', () => {
        if (exit && !isCut && group === undefined)
          return onShellFailed(`exited before the command ran (${endOf(exit)})`)
        settle(exit ?? {})
        // The session of one that is killed is only free once that is done, and it ends before.
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
      onNotStarted(notStarted(command, cause))
    }
  }

  if (cancelSignal?.aborted) {
    onAbort()
  } else {
    cancelSignal?.addEventListener('abort', onAbort, { once: true })
    if (timeout > 0) timer = setTimeout(() => void cut({ by: 'timeout' }), timerMs(timeout))
    client.once('close', onLost)
    const mine = takeSession(client, mayWait, (giveBack) => {
      leave = giveBack
      tryToAsk()
    })
    leave = mine
    const tooMany = `${MOST_SESSIONS} commands are already running over this connection, the maximum`
    if (!mine) onNotStarted(notStarted(command, new Error(tooMany)))
  }
  return {
    pid: pid.promise,
    channel: opened.promise,
    stdout,
    stderr,
    exited: exited.promise,
    closed: closed.promise,
    cut,
  }
}

/** sshd gives a session of a channel that is closed to another one a moment later. */
const OPEN_TRIES = 30
/** Milliseconds. */
const BETWEEN_TRIES = 100
/** RFC 4254, 5.1: SSH_OPEN_CONNECT_FAILED, by which sshd says that there are as many as may be. */
const CONNECT_FAILED = 2

function isFull(error: Error): boolean {
  return 'reason' in error && error.reason === CONNECT_FAILED
}

/** Linux takes no argument of a program that is longer (MAX_ARG_STRLEN), and sshd hands the whole command to the shell as one. */
const LONGEST = 128 * 1024 - 1
/** For the line that tells the pid. */
const ROOM = SAYING_BYTES + 1

/** sshd would drop the connection, and all that runs over it. @throws GuestError */
function requireSendable(script: string): void {
  if (script.includes('\0')) {
    throw new GuestError('A command cannot contain a NUL character', {
      option: 'command',
      hint: 'Pass such bytes as input or with guest.writeFile().',
    })
  }
  const bytes = Buffer.byteLength(script)
  const most = LONGEST - ROOM
  if (bytes <= most) return
  throw new GuestError(
    `A command can have at most ${most} bytes; this one, including env, cwd and pipefail, has ${bytes}`,
    { option: 'command', hint: 'Pass long data as input or with guest.writeFile().' },
  )
}
