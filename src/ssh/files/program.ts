import type { Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client, ClientChannel } from 'ssh2'
import { SshError } from '../../errors.ts'
import { endOf, shellFailed } from '../command/exec-errors.ts'
import { signalGroup } from '../command/signal-group.ts'
import { startMark, type StartMark } from '../command/start-mark.ts'

export interface Program {
  readonly stdin: Writable
  readonly stdout: Readable
  /** What it said when it had started. */
  readonly greeting: Promise<string>
  /** How it ended. @throws SshError when the connection is lost first, or it never started */
  readonly ended: Promise<ProgramEnding>
  /** Ends its process group, with time to tidy up, and waits for that. */
  stop(): Promise<void>
}

export interface ProgramEnding {
  readonly exitCode: number | undefined
  /** E.g. `'SIGTERM'`. */
  readonly signal: string | undefined
  readonly stderr: string
}

/** Milliseconds that an emulated guest is given to remove what a stopped script had begun. */
const STOP_BUDGET = 10_000
/**
 * Milliseconds after which a program that goes on is told again to end: a shell that is just about to start a program takes the
 * signal for itself, and the program, which never saw it, waits for more input (dash: 7 of 400 times within its first 8 ms).
 */
const STOP_INTERVAL = 500
/** Characters of stderr that are kept. */
const KEPT = 100_000

/**
 * Runs a script by the login shell in a channel of its own. `tell` in it, once, makes its pid known, which is its process group's too; what
 * comes after that is the script's own. `what` names the act, for messages. @throws SshError when no channel can be had
 */
export function startProgram(client: Client, script: string, what: string): Promise<Program> {
  const mark = startMark()
  return new Promise<Program>((resolve, reject) => {
    const onClose = () => reject(lost(what))
    const refuse = (cause: unknown) => {
      client.off('close', onClose)
      reject(new SshError(`SSH did not start a program: ${what}`, { cause }))
    }
    client.once('close', onClose)
    try {
      client.exec(`tell() { ${mark.say('$*')}; }\n${script}`, (error, channel) => {
        if (error) return refuse(error)
        client.off('close', onClose)
        // At once, as its end may have come in the same packet.
        resolve(attach(client, channel, mark, what))
      })
    } catch (cause) {
      refuse(cause)
    }
  })
}

function attach(client: Client, channel: ClientChannel, mark: StartMark, what: string): Program {
  let said = ''
  let pid: number | undefined
  let isStopping = false
  let again: NodeJS.Timeout | undefined
  const greeting = Promise.withResolvers<string>()
  const ended = Promise.withResolvers<ProgramEnding>()
  ended.promise.catch(() => {})
  const killWhenKnown = () => {
    if (!isStopping || pid === undefined) return
    signalGroup(client, pid, 'SIGTERM').then(
      () => {
        if (isStopping) again = setTimeout(killWhenKnown, STOP_INTERVAL)
      },
      // The connection is gone, and with it the way to the program.
      () => {},
    )
  }
  // By both: the one is destroyed when its reader is, the other may be closed by a start-up file.
  const onStart = (known: number, words: string) => {
    if (pid !== undefined) return
    pid = known
    greeting.resolve(words)
    killWhenKnown()
  }
  const [stdout, stderr] = [mark.cut(onStart), mark.cut(onStart)]
  const notBegun = (why: string) => shellFailed(what, why, { stdout: stdout.before, stderr: stderr.before })
  for (const output of [stdout, stderr]) {
    output.on('fail', (why: string) => {
      ended.reject(notBegun(why))
      channel.unpipe(stdout).resume()
      channel.close()
      stdout.end()
    })
  }
  stderr.on('data', (chunk: Buffer) => {
    if (said.length < KEPT) said += chunk.toString()
  })
  channel.on('error', () => {})
  channel.pipe(stdout)
  channel.stderr.pipe(stderr)

  let exit: Pick<ProgramEnding, 'exitCode' | 'signal'> | undefined
  const onLost = () => ended.reject(lost(what))
  client.once('close', onLost)
  channel.on('exit', (code: number | null, signal?: string) => (exit ??= { exitCode: code ?? undefined, signal }))
  channel.on('close', () => {
    client.off('close', onLost)
    greeting.resolve('')
    if (!exit) onLost()
    else if (pid === undefined && !isStopping) ended.reject(notBegun(`exited before the command ran (${endOf(exit)})`))
    else ended.resolve({ ...exit, stderr: said })
  })

  const stop = async () => {
    isStopping = true
    killWhenKnown()
    channel.unpipe(stdout).resume()
    await Promise.race([ended.promise.catch(() => {}), sleep(STOP_BUDGET, undefined, { ref: false })])
    isStopping = false
    clearTimeout(again)
    channel.close()
  }
  return { stdin: channel, stdout, greeting: greeting.promise, ended: ended.promise, stop }
}

function lost(what: string): SshError {
  return new SshError(`The SSH connection was lost: ${what}`)
}
