import type { Client } from 'ssh2'
import { badOption } from '../options/bad-option.ts'
import { oneOf, refuseUnknown, requireSignal } from '../options/check.ts'
import { collect } from './collect.ts'
import { factsOf, isLost, type CommandFacts } from './command-facts.ts'
import { commandError, connectionLost } from './exec-errors.ts'
import { startCommand } from './start-command.ts'
import { withSurroundings } from './surroundings.ts'

/** What of a command has nothing to do with its output. The names are execa's. */
export interface CommandOptions {
  /** Milliseconds, after which the command and its process group are killed; 0 for none. @default 0 */
  timeout?: number
  /** Environment variables, on top of those that sshd sets. */
  env?: Record<string, string>
  /** @default the user's home folder */
  cwd?: string
  /** Kills the command and its process group. */
  cancelSignal?: AbortSignal
  /**
   * Whether a pipeline fails when any of its commands does, and not only the last (`set -o pipefail`). A program whose reader has
   * had enough fails too, by SIGPIPE: `yes | head -1` does. A shell that does not know it goes without: dash of Debian 12.
   * @default true
   */
  pipefail?: boolean
}

/** The names are execa's. */
export interface ExecOptions<Encoding extends 'utf8' | 'buffer' = 'utf8'> extends CommandOptions {
  /** Whether a command that fails rejects. @default true */
  reject?: boolean
  /** Written to the command's standard input, which is then closed. @default '' */
  input?: string | Uint8Array
  /** Whether one line end at the end of stdout and stderr is cut off. @default true */
  stripFinalNewline?: boolean
  /**
   * Bytes of each of stdout and stderr. A command that writes more is killed with its process group, and fails; what it
   * wrote until then is kept.
   * @default 100_000_000
   */
  maxBuffer?: number
  /**
   * What stdout and stderr are: text, or their bytes. Text is held twice for the moment in which it is made of its bytes: for a
   * hundred megabytes, take these, or `spawn`.
   * @default 'utf8'
   */
  encoding?: Encoding
}

export const COMMAND_OPTIONS = ['timeout', 'env', 'cwd', 'cancelSignal', 'pipefail'] satisfies (keyof CommandOptions)[]
const EXEC_OPTIONS = [
  ...COMMAND_OPTIONS,
  ...(['reject', 'input', 'stripFinalNewline', 'maxBuffer', 'encoding'] satisfies (keyof ExecOptions)[]),
]

/** For output that is no text. */
export type BytesOptions = ExecOptions<'buffer'> & { encoding: 'buffer' }

export interface ExecResult<Output = string> extends CommandFacts {
  stdout: Output
  stderr: Output
  /** Whether it wrote more than `maxBuffer`, and was killed for it. */
  isMaxBuffer: boolean
}

/**
 * Runs a command by the user's login shell, to its end. That comes late when the command leaves a process behind which
 * still holds its stdout or stderr, as sshd waits for that one too; `daemon >/dev/null 2>&1 &` lets go.
 * @throws CommandError when it fails, times out, is canceled, or writes too much, unless `reject: false`; SshError when
 * the connection is gone.
 */
export function exec(client: Client, command: string, options: BytesOptions): Promise<ExecResult<Buffer>>
export function exec(client: Client, command: string, options?: ExecOptions): Promise<ExecResult>
export function exec(
  client: Client,
  command: string,
  options?: ExecOptions | BytesOptions,
): Promise<ExecResult | ExecResult<Buffer>>
export async function exec(
  client: Client,
  command: string,
  options: ExecOptions | BytesOptions = {},
): Promise<ExecResult | ExecResult<Buffer>> {
  const {
    reject = true,
    timeout = 0,
    input,
    env = {},
    cwd,
    cancelSignal,
    pipefail = true,
    stripFinalNewline = true,
    maxBuffer = 100_000_000,
    encoding = 'utf8',
  } = refuseUnknown(options, EXEC_OPTIONS)
  if (input !== undefined && typeof input !== 'string' && !ArrayBuffer.isView(input)) {
    throw badOption('input', 'text or a Uint8Array', input, "Write input: 'text', or input: new Uint8Array(buffer).")
  }
  if (!(maxBuffer >= 0)) throw badOption('maxBuffer', 'a number of bytes', maxBuffer, 'Write maxBuffer: 1_000_000.')
  oneOf('encoding', encoding, ['utf8', 'buffer'])
  requireSignal('cancelSignal', cancelSignal)
  const startedAt = performance.now()
  const script = withSurroundings(command, { env, cwd, pipefail })
  const started = startCommand(client, { command, script, timeout, cancelSignal, mayWait: true })
  const onOver = () => void started.cut({ by: 'maxBuffer' })
  const out = collect(started.stdout, maxBuffer, onOver)
  const err = collect(started.stderr, maxBuffer, onOver)
  // What keeps it from starting is told by `closed`.
  started.channel.then((channel) => channel?.end(input)).catch(() => {})

  let ending = await started.closed
  if (!ending.cutOff) await Promise.all([out.done, err.done])
  const isMaxBuffer = out.isOver || err.isOver
  if (isMaxBuffer) ending = { cutOff: { by: 'maxBuffer' } }
  const facts = { ...factsOf(command, ending, startedAt), isMaxBuffer }
  const stdout = stripFinalNewline ? stripped(out.bytes) : out.bytes
  const stderr = stripFinalNewline ? stripped(err.bytes) : err.bytes
  if (isLost(ending)) throw connectionLost(command, out.bytes.toString(), err.bytes.toString())
  if (encoding === 'buffer' && !(facts.failed && reject)) return { ...facts, stdout, stderr }
  // Decoded as it comes it would be held twice as well, when V8 makes one text of the parts at the first look into it; measured with
  // 100 MB: 240 MB at the most against 230 here, and 360 against 270 where there is more than ASCII in it (Node 24).
  const result = { ...facts, stdout: stdout.toString(), stderr: stderr.toString() }
  if (facts.failed && reject) throw commandError(result, { timeout, maxBuffer, cause: ending.cutOff?.cause })
  return result
}

function stripped(bytes: Buffer): Buffer {
  if (bytes.at(-1) !== 0x0a) return bytes
  return bytes.subarray(0, bytes.at(-2) === 0x0d ? -2 : -1)
}
