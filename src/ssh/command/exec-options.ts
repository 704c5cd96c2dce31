import type { CommandFacts } from './command-facts.ts'

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
export const EXEC_OPTIONS = [
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
