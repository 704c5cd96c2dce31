import { CommandError, HostError, type GuestErrorFacts } from '../../errors.ts'
import type { ProgramEnding } from './program.ts'

/** Programs' messages, and the codes of Node's fs errors for them. */
const CODES: readonly (readonly [RegExp, string])[] = [
  [/No space left on device|Wrote only \d+ of \d+ bytes/, 'ENOSPC'],
  [/Disk quota exceeded/, 'EDQUOT'],
  [/Read-only file system/, 'EROFS'],
  [/Is a directory|cannot overwrite directory/i, 'EISDIR'],
  [/Not a directory|cannot overwrite non-directory/i, 'ENOTDIR'],
  // The last two are from dash and BusyBox's shell, for a missing folder.
  [/No such file or directory|Directory nonexistent|nonexistent directory/, 'ENOENT'],
  [/Permission denied/, 'EACCES'],
  [/Operation not permitted/, 'EPERM'],
  [/invalid user|invalid group/, 'EINVAL'],
]

/** @default for the host the same as for the guest */
const HINTS: Readonly<Record<string, { guest: string; host?: string }>> = {
  ENOSPC: {
    guest: "The guest's disk, or the memory behind its /tmp or /run, is full.",
    host: 'Free some space on this machine.',
  },
  EISDIR: { guest: 'Give the full destination path, not its parent folder.' },
  ELOOP: {
    guest: 'A symlink points to itself.',
    host: 'The path is a symlink: give the path that it points to, or remove the link.',
  },
  EFBIG: { guest: 'Raise maxBytes if that much is intended.' },
  EINVAL: {
    guest: 'Does the guest have that user and group? Create them first: await guest.$`useradd …`.',
    host: 'See above.',
  },
}

/** What failed, and the path in the guest. */
interface Failed {
  readonly what: string
  readonly path: string
}

function commandError({ what, path }: Failed, how: string, facts: GuestErrorFacts): CommandError {
  return new CommandError(`${what} ${how}`, { command: what, path, ...facts })
}

export function codeIn(stderr: string): string | undefined {
  return CODES.find(([text]) => text.test(stderr))?.[1]
}

export function guestFileError(act: Failed, { exitCode, signal, stderr }: ProgramEnding): CommandError {
  const code = codeIn(stderr)
  const hint = code === undefined ? undefined : HINTS[code]?.guest
  const facts = { code, exitCode, signal, stderr, hint }
  return commandError(act, `failed in the guest${code === undefined ? '' : ` (${code})`}`, facts)
}

/** A guest's archive contains one file or folder, unless its tar was replaced. */
export function badArchive(act: Failed, found: string): CommandError {
  return commandError(act, `failed in the guest: its archive contains ${found}, not one file or folder`, {
    hint: 'Is tar in the guest GNU tar, and is the guest healthy?',
  })
}

export function tooLarge(act: Failed, maxBytes: number): CommandError {
  const how = `was aborted: it has more than ${maxBytes} bytes`
  return commandError(act, how, { code: 'EFBIG', hint: HINTS['EFBIG']?.guest })
}

export function canceled(act: Failed, cause: unknown): CommandError {
  return commandError(act, 'was canceled', { cause })
}

export function stalled(act: Failed, ms: number): CommandError {
  return commandError(act, `stalled for ${ms} milliseconds`, {
    elapsedMs: ms,
    timedOut: true,
    hint: 'Is it a pipe that nobody writes to, or is the guest paused? timeouts.command is the limit.',
  })
}

/** A file of the host, or tar there, failed. */
export function hostFileError(what: string, path: string, cause: unknown): HostError {
  const { stderr, message, code: ownCode, exitCode } = cause as Partial<HostError> & { message: string }
  const code = ownCode ?? codeIn(stderr ?? '')
  const hints = code === undefined ? undefined : HINTS[code]
  return new HostError(`${what} failed on the host${code === undefined ? '' : ` (${code})`}`, {
    command: what,
    path,
    code,
    exitCode,
    stderr: stderr ?? message,
    cause,
    hint: hints?.host ?? hints?.guest,
  })
}
