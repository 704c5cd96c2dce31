import type { Client, ClientChannel } from 'ssh2'
import { connectionLost, notStarted } from './exec-errors.ts'

/** How a command came to its end. */
export interface Ending {
  readonly stdout: Buffer
  readonly stderr: Buffer
  readonly exitCode?: number | undefined
  /** E.g. `'SIGTERM'`. */
  readonly signal?: string | undefined
  readonly cutOff?: CutOff
}

/** Why we ended it. */
export interface CutOff {
  readonly by: 'timeout' | 'cancelSignal'
  readonly cause?: unknown
}

export interface Run {
  /** For messages. */
  command: string
  /** What the shell gets. */
  script: string
  input: string | Uint8Array | undefined
  /** Milliseconds; 0 for none. */
  timeout: number
  cancelSignal: AbortSignal | undefined
}

/**
 * Runs a script in a channel of its own and collects what it writes.
 *
 * Its first line makes the shell tell its pid, which is that of its process group too (sshd calls setsid), so that it
 * can be killed whole. SSH's own `signal` request does not do it: ssh2 1.17 drops it in silence once the input has ended
 * (lib/Channel.js).
 * @throws SshError when the connection is gone, or has no channel left
 */
export function runToEnd(client: Client, { command, script, input, timeout, cancelSignal }: Run): Promise<Ending> {
  const out: Buffer[] = []
  const err: Buffer[] = []
  return new Promise<Ending>((resolve, reject) => {
    let channel: ClientChannel | undefined
    let exit: Pick<Ending, 'exitCode' | 'signal'> | undefined
    let isCut = false
    let timer: NodeJS.Timeout | undefined

    const settle = (act: () => void) => {
      clearTimeout(timer)
      cancelSignal?.removeEventListener('abort', onAbort)
      client.off('close', onLost)
      act()
    }
    const ending = () => ({ stdout: splitPid(out).output, stderr: Buffer.concat(err) })
    const cut = (cutOff: CutOff) => {
      isCut = true
      killWhenKnown()
      settle(() => resolve({ ...ending(), cutOff }))
    }
    const onAbort = () => cut({ by: 'cancelSignal', cause: cancelSignal?.reason })
    const onLost = () => settle(() => reject(connectionLost(command, ending())))
    const onNotStarted = (cause: unknown) => settle(() => reject(notStarted(command, cause)))
    const killWhenKnown = () => {
      const pid = isCut ? splitPid(out).pid : undefined
      if (!channel || pid === undefined) return
      isCut = false
      killGroup(client, pid, channel)
    }

    if (cancelSignal?.aborted) return onAbort()
    cancelSignal?.addEventListener('abort', onAbort, { once: true })
    if (timeout > 0) timer = setTimeout(() => cut({ by: 'timeout' }), timeout)
    client.once('close', onLost)
    try {
      client.exec(`echo $$\n${script}`, (error, opened) => {
        if (error) return onNotStarted(error)
        channel = opened
        channel.on('data', (chunk: Buffer) => {
          out.push(chunk)
          killWhenKnown()
        })
        channel.stderr.on('data', (chunk: Buffer) => err.push(chunk))
        channel.on('error', () => {})
        channel.on('exit', (code: number | null, signal?: string) => (exit ??= { exitCode: code ?? undefined, signal }))
        channel.on('close', () => {
          const how = exit
          if (how) settle(() => resolve({ ...ending(), ...how }))
          else onLost()
        })
        channel.end(input)
      })
    } catch (cause) {
      onNotStarted(cause)
    }
  })
}

/** The pid in the first line, once it is there, and what the script itself has written. */
function splitPid(chunks: readonly Buffer[]): { pid: number | undefined; output: Buffer } {
  const bytes = Buffer.concat(chunks)
  const lineEnd = bytes.indexOf('\n')
  if (lineEnd === -1) return { pid: undefined, output: bytes.subarray(0, 0) }
  return { pid: Number(bytes.subarray(0, lineEnd).toString()), output: bytes.subarray(lineEnd + 1) }
}

/** Nobody waits for it: who gave up on the command is told so at once. */
function killGroup(client: Client, pid: number, channel: ClientChannel): void {
  channel.close()
  try {
    client.exec(`kill -s KILL -- -${pid}`, (_error, opened?: ClientChannel) => opened?.resume().on('error', () => {}))
  } catch {
    // The connection is gone, and with it the way to the command.
  }
}
