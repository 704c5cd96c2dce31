import type { Client } from 'ssh2'
import { exec, type OutputListener } from '../ssh/command/exec.ts'
import type { BytesOptions, CommandOptions, ExecOptions, ExecResult } from '../ssh/command/exec-options.ts'
import { commandFrom } from '../ssh/quote.ts'
import { spawn, type GuestProcess } from '../ssh/command/spawn.ts'
import type { Explain } from './inspection/explain-failure.ts'
import { History, type PastCommand } from './inspection/history.ts'
import { whilePending } from './wait/pending.ts'

export interface Exec {
  (command: string, options: BytesOptions): Promise<ExecResult<Buffer>>
  (command: string, options?: ExecOptions): Promise<ExecResult>
}

/** A value to interpolate into a command: one word, or an array of words. */
export type CommandValue = string | number | readonly (string | number)[]

export interface CommandTag {
  (strings: TemplateStringsArray, ...values: CommandValue[]): Promise<ExecResult>
  (options: BytesOptions): (strings: TemplateStringsArray, ...values: CommandValue[]) => Promise<ExecResult<Buffer>>
  (options: ExecOptions): (strings: TemplateStringsArray, ...values: CommandValue[]) => Promise<ExecResult>
}

export interface Commands {
  /**
   * Runs a command in root's login shell.
   * @throws CommandError when it fails, unless `reject: false`; SshError when the connection is lost.
   */
  readonly exec: Exec
  /**
   * The same as a tagged template. Each interpolated value is quoted; an array becomes several words. To pass options:
   * `` guest.$({ reject: false })`ls ${folder}` ``.
   * @throws GuestError for a value that is not a string, a number, or an array of these, contains a NUL, or is inside quotes
   */
  readonly $: CommandTag
  /**
   * Starts a command in root's login shell and resolves once it is running. It has no time-out by default, and ends with
   * the guest at the latest.
   * @throws CommandError when it is canceled or times out before it starts; SshError when the connection is lost.
   */
  spawn(command: string, options?: CommandOptions): Promise<GuestProcess>
  /** The last 50 commands run with `exec`, `$` and `spawn`, most recent last. */
  readonly history: readonly PastCommand[]
}

type AnyExec = (
  command: string,
  options?: ExecOptions | BytesOptions,
  onOutput?: OutputListener,
) => Promise<ExecResult | ExecResult<Buffer>>

export interface CommandParts {
  /** The guest's. */
  readonly id: string
  /** Runs a command without recording it in the history. */
  readonly exec: Exec
  /** The client; waits for a guest that is booting. */
  readonly open: () => Promise<Client>
  readonly explain: Explain
  /** Hears of each command that the user runs, and returns who hears its output. */
  readonly onCommand?: ((command: string) => OutputListener) | undefined
}

/** Runs commands without recording them in the history, each for at most `timeout` milliseconds unless it has its own. */
export function runIn(open: () => Promise<Client>, timeout: number, explain: Explain): Exec {
  const run: AnyExec = (command, options, onOutput) =>
    explain(async () => exec(await open(), command, { timeout, ...options }, onOutput))
  // The options determine the type of the output, as the overloads say.
  return run as Exec
}

export function commands({ id, exec: run, open, explain, onCommand }: CommandParts): Commands {
  const history = new History()
  const recorded: AnyExec = (command, options) =>
    whilePending(id, `\`${command}\``, options?.cancelSignal, () =>
      history.record(command, () => (run as AnyExec)(command, options, onCommand?.(command))),
    )
  const template = (first: TemplateStringsArray | ExecOptions | BytesOptions, ...values: unknown[]) =>
    'raw' in first
      ? recorded(commandFrom(first, values))
      : (strings: TemplateStringsArray, ...more: unknown[]) => recorded(commandFrom(strings, more), first)
  return {
    exec: recorded as Exec,
    $: template as CommandTag,
    spawn: (command, options) => {
      onCommand?.(command)
      return history.record(command, () => explain(async () => spawn(await open(), command, options)))
    },
    history: history.list,
  }
}
