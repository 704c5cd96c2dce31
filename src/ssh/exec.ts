import type { Client } from 'ssh2'
import { commandError } from './exec-errors.ts'
import { runToEnd } from './run-to-end.ts'
import { withSurroundings } from './surroundings.ts'

/** The names are execa's. */
export interface ExecOptions {
  /** Whether a command that fails rejects. @default true */
  reject?: boolean
  /** Milliseconds, after which the command and its process group are killed; 0 for none. @default 0 */
  timeout?: number
  /** Written to the command's standard input, which is then closed. @default '' */
  input?: string | Uint8Array
  /** Environment variables, on top of those that sshd sets. */
  env?: Record<string, string>
  /** @default the user's home folder */
  cwd?: string
  /** Kills the command and its process group. */
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
  /** Undefined when a signal, a time-out, or the caller ended it. */
  exitCode: number | undefined
  /** E.g. `'SIGTERM'`. */
  signal: string | undefined
  durationMs: number
  failed: boolean
  timedOut: boolean
}

/**
 * Runs a command by the user's login shell, to its end. That comes late when the command leaves a process behind which
 * still holds its stdout or stderr, as sshd waits for that one too; `daemon >/dev/null 2>&1 &` lets go.
 * @throws CommandError when it fails, times out, or is canceled, unless `reject: false`; SshError when the connection
 * is gone.
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
  {
    reject = true,
    timeout = 0,
    input,
    env = {},
    cwd,
    cancelSignal,
    stripFinalNewline = true,
    encoding = 'utf8',
  }: ExecOptions = {},
): Promise<ExecResult | ExecResult<Buffer>> {
  const startedAt = performance.now()
  const script = withSurroundings(command, env, cwd)
  const ending = await runToEnd(client, { command, script, input, timeout, cancelSignal })
  const { exitCode, signal, cutOff } = ending

  const stdout = stripFinalNewline ? stripped(ending.stdout) : ending.stdout
  const stderr = stripFinalNewline ? stripped(ending.stderr) : ending.stderr
  const facts = {
    command,
    exitCode,
    signal,
    durationMs: Math.round(performance.now() - startedAt),
    failed: exitCode !== 0,
    timedOut: cutOff?.by === 'timeout',
  }
  const result = { ...facts, stdout: stdout.toString(), stderr: stderr.toString() }
  if (result.failed && reject) throw commandError(result, cutOff, timeout)
  return encoding === 'buffer' ? { ...facts, stdout, stderr } : result
}

function stripped(bytes: Buffer): Buffer {
  if (bytes.at(-1) !== 0x0a) return bytes
  return bytes.subarray(0, bytes.at(-2) === 0x0d ? -2 : -1)
}
