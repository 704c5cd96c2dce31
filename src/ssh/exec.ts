import type { Client, ClientChannel } from 'ssh2'
import { commandError, connectionLost, type Ending } from './exec-errors.ts'
import { withSurroundings } from './surroundings.ts'

export interface ExecOptions {
  /** Whether a command that fails rejects. @default true */
  reject?: boolean
  /** Milliseconds; 0 for none. @default 0 */
  timeout?: number
  /** Written to the command's standard input, which is then closed. @default '' */
  input?: string | Uint8Array
  /** Environment variables, on top of those that sshd sets. */
  env?: Record<string, string>
  /** @default the user's home folder */
  cwd?: string
  /** Ends the command. */
  cancelSignal?: AbortSignal
  /** Whether one line end at the end of stdout and stderr is cut off. @default true */
  stripFinalNewline?: boolean
  /** @default 'utf8' */
  encoding?: 'utf8' | 'buffer'
}

export interface ExecResult<Output = string> {
  command: string
  stdout: Output
  stderr: Output
  /** Undefined when a signal or we ended it. */
  exitCode: number | undefined
  /** E.g. `'SIGTERM'`. */
  signal: string | undefined
  durationMs: number
  failed: boolean
  timedOut: boolean
}

/**
 * Runs a command by the user's login shell, to its end. It also ends late: sshd keeps the channel open while any
 * process started by the command still holds its stdout or stderr (`daemon >/dev/null 2>&1 &` lets go).
 * @throws CommandError when it fails, times out, or is canceled, unless `reject: false`; SshError when the connection
 * is gone, for then nobody knows how the command ended.
 */
export function exec(
  client: Client,
  command: string,
  options: ExecOptions & { encoding: 'buffer' },
): Promise<ExecResult<Buffer>>
export function exec(client: Client, command: string, options?: ExecOptions): Promise<ExecResult>
export async function exec(
  client: Client,
  command: string,
  options: ExecOptions = {},
): Promise<ExecResult | ExecResult<Buffer>> {
  const { reject = true, encoding = 'utf8', stripFinalNewline = true } = options
  const startedAt = performance.now()
  const out: Buffer[] = []
  const err: Buffer[] = []
  const ending = await runToEnd(client, command, options, out, err)
  const failed = ending.exitCode !== 0

  const [stdoutBytes, stderrBytes] = [collected(out, stripFinalNewline), collected(err, stripFinalNewline)]
  const [stdout, stderr] = [stdoutBytes.toString(), stderrBytes.toString()]
  const common = {
    command,
    exitCode: ending.exitCode,
    signal: ending.signal,
    durationMs: Math.round(performance.now() - startedAt),
    failed,
    timedOut: ending.timedOut ?? false,
  }
  if (failed && reject) throw commandError({ ...common, stdout, stderr }, ending, options)
  return encoding === 'buffer' ? { ...common, stdout: stdoutBytes, stderr: stderrBytes } : { ...common, stdout, stderr }
}

function runToEnd(
  client: Client,
  command: string,
  options: ExecOptions,
  out: Buffer[],
  err: Buffer[],
): Promise<Ending> {
  const { timeout = 0, cancelSignal, input, env, cwd } = options
  const script = withSurroundings(command, { ...(env && { env }), ...(cwd !== undefined && { cwd }) })
  return new Promise<Ending>((resolve, reject) => {
    let channel: ClientChannel | undefined
    let ended: Ending | undefined
    let timer: NodeJS.Timeout | undefined
    const finish = (act: () => void) => {
      clearTimeout(timer)
      cancelSignal?.removeEventListener('abort', onAbort)
      client.off('close', onLost)
      act()
    }
    const cutOff = (ending: Ending) => {
      ended ??= ending
      if (channel) kill(channel)
      finish(() => resolve(ending))
    }
    const onAbort = () => cutOff({ canceled: true, cause: cancelSignal?.reason })
    const onLost = (cause?: unknown) => finish(() => reject(connectionLost(command, text(out), text(err), cause)))

    if (cancelSignal?.aborted) return onAbort()
    cancelSignal?.addEventListener('abort', onAbort, { once: true })
    if (timeout > 0) timer = setTimeout(() => cutOff({ timedOut: true }), timeout)
    client.once('close', onLost)

    try {
      client.exec(script, (error, opened) => {
        if (error) return onLost(error)
        channel = opened
        if (ended) return kill(channel)
        channel.on('data', (chunk: Buffer) => out.push(chunk))
        channel.stderr.on('data', (chunk: Buffer) => err.push(chunk))
        channel.on('error', () => {})
        channel.on(
          'exit',
          (code: number | null, signal?: string) => (ended ??= { exitCode: code ?? undefined, signal }),
        )
        channel.on('close', () => {
          const ending = ended
          if (ending) finish(() => resolve(ending))
          else onLost()
        })
        channel.end(input)
      })
    } catch (cause) {
      onLost(cause)
    }
  })
}

/**
 * sshd passes the signal on to the command's process group, except to root's, whose sessions it does not separate
 * ("session signalling requires privilege separation"): there, a command notices only that nobody reads its output.
 */
function kill(channel: ClientChannel): void {
  channel.signal('KILL')
  channel.close()
}

function collected(chunks: readonly Buffer[], stripFinalNewline: boolean): Buffer {
  const bytes = Buffer.concat(chunks)
  if (!stripFinalNewline || bytes.at(-1) !== 0x0a) return bytes
  return bytes.subarray(0, bytes.at(-2) === 0x0d ? -2 : -1)
}

function text(chunks: readonly Buffer[]): string {
  return Buffer.concat(chunks).toString()
}
