import { CommandError, SshError } from '../../errors.ts'
import type { CommandFacts } from './command-facts.ts'
import type { ExecResult } from './exec-options.ts'

/** POSIX: a shell's answer when it finds no such program. */
const NOT_FOUND = 127
const MISSING_PROGRAM =
  "If the guest lacks a program, add its package to the image: image: { base: 'debian-12', packages: ['…'] }."
const TOO_MUCH = 'Raise maxBuffer, redirect the output to a file in the guest, or stream it with guest.spawn().'

export function commandError(
  result: ExecResult,
  { timeout, maxBuffer, cause }: { timeout: number | undefined; maxBuffer: number; cause: unknown },
): CommandError {
  const { command, durationMs, failed: _failed, ...facts } = result
  const { exitCode, signal, timedOut, isCanceled, isMaxBuffer } = facts
  const how = timedOut
    ? `Command timed out after ${timeout} milliseconds`
    : isCanceled
      ? 'Command was canceled'
      : isMaxBuffer
        ? `Command was killed because it wrote more than ${maxBuffer} bytes`
        : signal !== undefined
          ? `Command was killed by ${signal}`
          : `Command failed with exit code ${exitCode}`
  return new CommandError(`${how}: ${oneLine(command)}`, {
    ...facts,
    command,
    elapsedMs: durationMs,
    cause,
    hint: isMaxBuffer ? TOO_MUCH : exitCode === NOT_FOUND ? MISSING_PROGRAM : undefined,
  })
}

/** By its time-out or its caller; for a shell that reports no pid see `shellFailed`. */
export function endedBeforeItStarted(facts: CommandFacts, cause: unknown): CommandError {
  const { command, durationMs, failed: _failed, ...rest } = facts
  const why = facts.timedOut ? ` timed out after ${durationMs} milliseconds` : facts.isCanceled ? ' was canceled' : ''
  const what = `Command${why || ' ended'} before it started: ${oneLine(command)}`
  return new CommandError(what, { ...rest, command, elapsedMs: durationMs, cause })
}

/** Not a CommandError, because nobody knows how the command ended. */
export function connectionLost(command: string, stdout?: string, stderr?: string): SshError {
  const what = `The SSH connection was lost before the command ended: ${oneLine(command)}`
  return new SshError(what, { command, stdout, stderr })
}

export function notStarted(command: string, cause: unknown): SshError {
  const why = cause instanceof Error ? cause.message : String(cause)
  return new SshError(`SSH did not start the command (${why}): ${oneLine(command)}`, { command, cause })
}

/** The login shell did not get as far as the command. `said` is the output of its start-up files. */
export function shellFailed(what: string, why: string, said: { stdout: string; stderr: string }): SshError {
  return new SshError(`The guest's login shell ${why}: ${oneLine(what)}`, {
    ...said,
    command: what,
    hint: "Check the start-up files of root's shell, such as /root/.bashrc: they run for every command.",
  })
}

export function endOf({ exitCode, signal }: { exitCode?: number | undefined; signal?: string | undefined }): string {
  return signal ?? `exit code ${exitCode}`
}

/** The first line of a message says what; a script's other lines are in `error.command`. */
export function oneLine(command: string): string {
  const [first = '', ...more] = command.trim().split('\n')
  return more.length > 0 ? `${first} …` : first
}
