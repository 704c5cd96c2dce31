import type { CommandFacts } from './command-facts.ts'

/** Options of a command that do not concern its output. The names are execa's. */
export interface CommandOptions {
  /** Milliseconds, after which the command and its process group are killed; 0 for none. @default 0 */
  timeout?: number
  /** Environment variables, in addition to those set by sshd. */
  env?: Record<string, string>
  /** @default the user's home folder */
  cwd?: string
  /** Kills the command and its process group. */
  cancelSignal?: AbortSignal
  /**
   * Whether a pipeline fails when any of its commands fails, not only the last (`set -o pipefail`). A program whose reader stops
   * early then fails too, with SIGPIPE, as in `yes | head -1`. Ignored by shells that lack it, such as dash in Debian 12.
   * @default true
   */
  pipefail?: boolean
}

/** The names are execa's. */
export interface ExecOptions<Encoding extends 'utf8' | 'buffer' = 'utf8'> extends CommandOptions {
  /** Whether a failing command rejects. @default true */
  reject?: boolean
  /** Written to the command's standard input, which is then closed. @default '' */
  input?: string | Uint8Array
  /** Whether a final newline is stripped from stdout and stderr. @default true */
  stripFinalNewline?: boolean
  /**
   * Maximum number of bytes of stdout and of stderr. A command that writes more is killed with its process group, and fails; its output
   * up to then is kept.
   * @default 100_000_000
   */
  maxBuffer?: number
  /**
   * Whether stdout and stderr are text or bytes. While text is decoded, it takes twice the memory: for hundreds of
   * megabytes, use bytes, or `spawn`.
   * @default 'utf8'
   */
  encoding?: Encoding
}

export const COMMAND_OPTIONS = ['timeout', 'env', 'cwd', 'cancelSignal', 'pipefail'] satisfies (keyof CommandOptions)[]
export const EXEC_OPTIONS = [
  ...COMMAND_OPTIONS,
  ...(['reject', 'input', 'stripFinalNewline', 'maxBuffer', 'encoding'] satisfies (keyof ExecOptions)[]),
]

/** For output that is not text. */
export type BytesOptions = ExecOptions<'buffer'> & { encoding: 'buffer' }

export interface ExecResult<Output = string> extends CommandFacts {
  stdout: Output
  stderr: Output
  /** Whether it was killed because it wrote more than `maxBuffer`. */
  isMaxBuffer: boolean
}
