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
  /** What ends it when aborted or too slow. @default 'SIGTERM', and SIGKILL after 5 s */
  killSignal?: 'SIGTERM' | 'SIGKILL'
  cwd?: string
  env?: NodeJS.ProcessEnv
  /** Told line by line what it writes to stdout and stderr. */
  onLine?: ((line: string) => void) | undefined
}

/**
 * Runs a host program to its end, from an argument array, never through a shell. Whatever ends us first ends it too, where
 * there is setpriv(1): an ISO writer whose reader was killed went on for a second and more.
 * @throws HostError with the program's stderr when it cannot be started, fails, or takes longer than `timeoutMs`;
 * the signal's reason when aborted.
 */
export async function run(file: string, args: readonly string[], options: RunOptions = {}): Promise<string> {
  const { input, stdin, stdout, signal, timeoutMs, killSignal, cwd, env, onLine } = options
  const [program, ...words] = tiedToUs([file, ...args])
  const child = execa(program, words, {
    reject: false,
    // execa would listen for signals while the program runs, in a process that is not ours; one that arrives just as it
    // stops listening is lost, and whoever sent it waits for ever.
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
