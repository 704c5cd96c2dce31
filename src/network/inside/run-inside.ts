import { run, type RunOptions } from '../../host/program/run.ts'
import { badOption } from '../../errors/bad-option.ts'
import { refuseUnknown, requireMilliseconds } from '../../options/check.ts'
import { requireTool } from '../../host/program/tools.ts'

export interface NetworkRunOptions {
  /** Written to its standard input, which is then closed. @default '' */
  input?: string
  /** Milliseconds after which it is killed; 0 for none. @default 0 */
  timeout?: number
  cancelSignal?: AbortSignal
}

/** Where programs can be run: a network, or its keeper. */
export interface Inside {
  inside(command: readonly string[]): [string, ...string[]]
}

/** Runs a program of the host inside a network to its end, and returns what it wrote to stdout. @throws what `run` throws */
export function runInside(where: Inside, command: readonly string[], options?: RunOptions): Promise<string> {
  const [file, ...args] = where.inside(command)
  return run(file, args, options)
}

/** The same with a user's options. @throws GuestError for an invalid command or option */
export async function runForCaller(
  where: Inside,
  command: readonly string[],
  options: NetworkRunOptions = {},
): Promise<string> {
  const { input = '', timeout = 0, cancelSignal } = refuseUnknown(options, ['input', 'timeout', 'cancelSignal'])
  if (!Array.isArray(command) || command.length === 0 || command.some((word) => typeof word !== 'string')) {
    throw badOption('command', 'an array of words', command, "Write network.run(['ping', '-c', '1', guest.address]).")
  }
  requireMilliseconds('timeout', timeout, ', or 0 for none')
  return runInside(where, command, { input, signal: cancelSignal, ...(timeout > 0 && { timeoutMs: timeout }) })
}

/** Runs lines of ip(8) inside a network. @throws HostError when one of them fails, or ip(8) is missing */
export function ipInside(where: Inside): (commands: string, signal?: AbortSignal) => Promise<string> {
  const command = [requireTool('ip'), '-batch', '-']
  return (commands, signal) => runInside(where, command, { input: commands, signal })
}
