import { CommandError, SshError } from '../errors.ts'
import type { ExecResult } from './exec.ts'
import type { CutOff } from './run-to-end.ts'

/** POSIX: a shell's answer when it finds no such program. */
const NOT_FOUND = 127
const MISSING_PROGRAM =
  "If the guest lacks a program, put its package into the image: image: { base: 'debian-12', packages: ['…'] }."

export function commandError(result: ExecResult, cutOff: CutOff | undefined, timeout: number): CommandError {
  const { command, exitCode, signal, stdout, stderr, durationMs } = result
  const how =
    cutOff?.by === 'timeout'
      ? `Command timed out after ${timeout} milliseconds`
      : cutOff?.by === 'cancelSignal'
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
    cause: cutOff?.cause,
    hint: exitCode === NOT_FOUND ? MISSING_PROGRAM : undefined,
  })
}

/** Nobody knows how the command ended, so it is not a CommandError. */
export function connectionLost(command: string, { stdout, stderr }: { stdout: Buffer; stderr: Buffer }): SshError {
  return new SshError(`The SSH connection was lost before the command ended: ${oneLine(command)}`, {
    command,
    stdout: stdout.toString(),
    stderr: stderr.toString(),
  })
}

export function notStarted(command: string, cause: unknown): SshError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new SshError(`SSH did not start the command (${why}): ${oneLine(command)}`, { command, cause })
}

/** The first line of a message says what; a script's other lines are in `error.command`. */
function oneLine(command: string): string {
  const [first = '', ...more] = command.trim().split('\n')
  return more.length > 0 ? `${first} …` : first
}
