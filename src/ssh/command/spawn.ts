import { constants } from 'node:os'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'ssh2'
import { GuestError } from '../../errors.ts'
import { refuseUnknown } from '../../options/check.ts'
import { factsOf, isLost, type CommandFacts } from './command-facts.ts'
import { connectionLost, endedBeforeItStarted } from './exec-errors.ts'
import { COMMAND_OPTIONS, type CommandOptions } from './exec-options.ts'
import { signalGroup } from './signal-group.ts'
import { startCommand } from './start-command.ts'

/** A command running in a guest. Disposing kills its process group, if it is still running. */
export interface GuestProcess extends AsyncDisposable {
  readonly command: string
  /** Its process id in the guest; it leads its own process group. */
  readonly pid: number
  /** The command sees end-of-file when this is ended. */
  readonly stdin: Writable
  /** Bytes; `setEncoding('utf8')` for text. If it is not read, the command blocks once the pipe is full. */
  readonly stdout: Readable
  /** As `stdout`. */
  readonly stderr: Readable
  /**
   * Sends a signal to its whole process group.
   * @param signal @default 'SIGTERM'
   * @returns whether the process group still existed
   * @throws SshError when the connection is gone
   */
  kill(signal?: NodeJS.Signals): Promise<boolean>
  /**
   * Resolves with how it ended, as soon as it has; a failure does not reject. Some output may still arrive
   * on `stdout` and `stderr`. Rejects with an SshError when the connection is lost first.
   */
  readonly exit: Promise<CommandFacts>
}

/** Milliseconds. A working guest kills at once; one that hangs must not delay the end of a test. */
const DISPOSAL_MS = 10_000

/** Starts a command in the user's login shell. @throws CommandError when it is canceled or times out before it has started; SshError */
export async function spawn(client: Client, command: string, options: CommandOptions = {}): Promise<GuestProcess> {
  const startedAt = performance.now()
  const started = startCommand(client, command, refuseUnknown(options, COMMAND_OPTIONS), { session: 'refuse' })
  const { stdout, stderr, cut } = started
  const [channel, pid] = await Promise.all([started.channel, started.pid])
  if (!channel || pid === undefined) {
    const ending = await started.exited
    if (isLost(ending)) throw connectionLost(command)
    throw endedBeforeItStarted(factsOf(command, ending, startedAt), ending.cutOff?.cause)
  }

  let isOver = false
  const exit = started.exited.then((ending) => {
    isOver = true
    if (isLost(ending)) throw connectionLost(command)
    return factsOf(command, ending, startedAt)
  })
  // Not an unhandled rejection if nobody asks.
  exit.catch(() => {})
  return {
    command,
    pid,
    stdin: channel,
    stdout,
    stderr,
    exit,
    kill: async (signal = 'SIGTERM') => {
      if (!(signal in constants.signals)) {
        const option = 'signal'
        throw new GuestError(`A signal must be a signal name, such as 'SIGTERM'; got '${signal}'`, { option })
      }
      return isOver ? false : signalGroup(client, pid, signal)
    },
    [Symbol.asyncDispose]: async () => {
      if (!isOver) await Promise.race([cut({ by: 'disposal' }), sleep(DISPOSAL_MS, undefined, { ref: false })])
    },
  }
}
