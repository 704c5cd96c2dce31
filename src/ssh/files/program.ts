import type { Readable, Writable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'ssh2'
import { SshError } from '../../errors.ts'
import { isLost } from '../command/command-facts.ts'
import { signalGroup } from '../command/signal-group.ts'
import { startCommand } from '../command/start-command.ts'

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
  readonly exitCode?: number | undefined
  /** E.g. `'SIGTERM'`. */
  readonly signal?: string | undefined
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
 * Runs a script by the login shell in a channel of its own. The script calls `tell` once; its own output begins after that.
 * @param what names the act, for messages
 * @throws SshError when no channel can be had
 */
export async function startProgram(client: Client, script: string, what: string): Promise<Program> {
  const started = startCommand(client, script, { pipefail: false }, { session: 'spare', tells: true, what })
  const { stdout, stderr, greeting } = started
  let said = ''
  stderr.on('data', (chunk: Buffer) => {
    if (said.length < KEPT) said += chunk.toString()
  })
  const ended = started.closed.then((ending) => {
    if (isLost(ending)) throw lost(what)
    return { ...ending, stderr: said }
  })
  ended.catch(() => {})
  const channel = await started.channel
  if (!channel) throw lost(what)
  const stop = async () => {
    let isStopping = true
    const tellToEnd = async () => {
      const pid = await started.pid
      while (isStopping && pid !== undefined) {
        await signalGroup(client, pid, 'SIGTERM')
        await sleep(STOP_INTERVAL, undefined, { ref: false })
      }
    }
    // It fails when the connection is gone, and with it the way to the program.
    tellToEnd().catch(() => {})
    channel.unpipe(stdout).resume()
    await Promise.race([ended.catch(() => {}), sleep(STOP_BUDGET, undefined, { ref: false })])
    isStopping = false
    channel.close()
  }
  return { stdin: channel, stdout, greeting, ended, stop }
}

function lost(what: string): SshError {
  return new SshError(`The SSH connection was lost: ${what}`)
}
