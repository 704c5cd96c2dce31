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
  /** The words of its `tell`. */
  readonly greeting: Promise<string>
  /** How it ended. @throws SshError when the connection is lost first, or it never started */
  readonly ended: Promise<ProgramEnding>
  /** Terminates its process group, and waits while it cleans up. */
  stop(): Promise<void>
}

export interface ProgramEnding {
  readonly exitCode?: number | undefined
  /** E.g. `'SIGTERM'`. */
  readonly signal?: string | undefined
  readonly stderr: string
}

/** Milliseconds that an emulated guest has to remove what a stopped script created. */
const STOP_BUDGET = 10_000
/**
 * Milliseconds after which a program that is still running gets the signal again: a shell that is just starting a program may take the
 * signal itself, and the program then waits for more input (dash: 7 of 400 times within its first 8 ms).
 */
const STOP_INTERVAL = 500
/** Characters of stderr that are kept. */
const KEPT = 100_000

/**
 * Runs a script in the login shell, in a separate channel. The script calls `tell` once; its output begins after that.
 * @param what names the act, for messages
 * @throws SshError when no channel can be opened
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
    // It fails when the connection is gone.
    tellToEnd().catch(() => {})
    channel.unpipe().resume()
    await Promise.race([ended.catch(() => {}), sleep(STOP_BUDGET, undefined, { ref: false })])
    isStopping = false
    channel.close()
  }
  return { stdin: channel, stdout, greeting, ended, stop }
}

function lost(what: string): SshError {
  return new SshError(`The SSH connection was lost: ${what}`)
}
