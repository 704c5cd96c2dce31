import { execa, type Options, type Result } from 'execa'
import { HostError } from '../../errors.ts'
import { programEnvironment } from '../environment.ts'
import { findTool } from './tools.ts'

export interface RunOptions {
  input?: string
  /** An open file to read instead, by its descriptor. */
  stdin?: number
  /** An open file that takes its stdout. */
  stdout?: number
  signal?: AbortSignal | undefined
  /** Milliseconds; none by default. */
  timeoutMs?: number
  /** Sent when it is aborted or too slow. @default 'SIGTERM', and SIGKILL after 5 s */
  killSignal?: 'SIGTERM' | 'SIGKILL'
  cwd?: string
  env?: NodeJS.ProcessEnv
  /** Called with each line of stdout and stderr. */
  onLine?: ((line: string) => void) | undefined
}

/**
 * Runs a host program to its end, from an argument array, never through a shell. If the host has setpriv(1), the program ends
 * with this process: an ISO writer ran on for more than a second after its reader was killed.
 * @throws HostError with the program's stderr when it cannot be started, fails, or takes longer than `timeoutMs`;
 * the signal's reason when aborted.
 */
export async function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { input, stdin, stdout, signal, timeoutMs, killSignal, cwd, env, onLine } = options
  const [program, ...words] = tiedToUs([file, ...args])
  const child = execa(program, words, {
    reject: false,
    // Otherwise execa listens for signals in the user's process, and loses one that arrives just as it stops listening.
    cleanup: false,
    // execa takes any descriptor; its type names those up to 9.
    stdin: input === undefined ? ((stdin ?? 'ignore') as 'ignore') : 'pipe',
    env: { ...programEnvironment(), ...env },
    ...(stdout !== undefined && { stdout: stdout as 1 }),
    ...(input !== undefined && { input }),
    ...(signal !== undefined && { cancelSignal: signal }),
    ...(timeoutMs !== undefined && { timeout: timeoutMs }),
    ...(killSignal !== undefined && { killSignal }),
    ...(cwd !== undefined && { cwd }),
    ...(onLine && { all: true }),
  } satisfies Options)
  if (onLine) for await (const line of child.iterable({ from: 'all' })) onLine(String(line))
  const result = await child
  signal?.throwIfAborted()
  if (result.failed) throw failure(file, args, result as Result)
  return String(result.stdout ?? '')
}

function tiedToUs(command: [string, ...string[]]): [string, ...string[]] {
  const setpriv = findTool('setpriv')
  return setpriv === undefined ? command : [setpriv, '--pdeathsig', 'KILL', '--', ...command]
}

function failure(file: string, args: readonly string[], result: Result): HostError {
  const program = file.split('/').at(-1) ?? file
  const how = result.timedOut
    ? 'timed out'
    : result.exitCode !== undefined
      ? `failed with exit code ${result.exitCode}`
      : result.signal !== undefined
        ? `was killed by ${result.signal}`
        : `could not be started (${result.code ?? 'unknown reason'})`
  return new HostError(`${program} ${how}`, {
    command: [file, ...args].join(' '),
    exitCode: result.exitCode,
    signal: result.signal,
    stdout: String(result.stdout ?? ''),
    stderr: String(result.stderr ?? ''),
    // What execa adds to it is in the fields.
    cause: result.cause,
  })
}
