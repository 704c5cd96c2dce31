import { CommandError, SshError } from '../errors.ts'
import type { ExecOptions, ExecResult } from './exec.ts'

/** How a command came to its end. */
export interface Ending {
  exitCode?: number | undefined
  signal?: string | undefined
  timedOut?: boolean
  canceled?: boolean
  cause?: unknown
}

export function commandError(result: ExecResult, ending: Ending, { timeout }: ExecOptions): CommandError {
  const { command, exitCode, signal, stdout, stderr, durationMs } = result
  const how = ending.timedOut
    ? `Command timed out after ${timeout} milliseconds`
    : ending.canceled
      ? 'Command was canceled'
      : signal !== undefined
        ? `Command was killed with ${signal}`
        : `Command failed with exit code ${exitCode}`
  return new CommandError(`${how}: ${oneLine(command)}`, {
    command,
    exitCode,
    signal,
    stdout,
    stderr,
    elapsedMs: durationMs,
    cause: ending.cause,
    hint: exitCode === NOT_FOUND ? MISSING_PROGRAM : undefined,
  })
}

export function connectionLost(command: string, stdout: string, stderr: string, cause: unknown): SshError {
  const why = cause instanceof Error ? ` (${cause.message})` : ''
  return new SshError(`The SSH connection was lost before the command ended${why}: ${oneLine(command)}`, {
    command,
    stdout,
    stderr,
    cause,
  })
}

/** POSIX: a shell's answer when it finds no such program. */
const NOT_FOUND = 127
const MISSING_PROGRAM =
  "If the guest lacks a program, put its package into the image: image: { base: 'debian-12', packages: ['…'] }."

/** The first line of a message says what; a script's other lines are in `error.command`. */
function oneLine(command: string): string {
  const [first = '', ...more] = command.trim().split('\n')
  return more.length > 0 ? `${first} …` : first
}
