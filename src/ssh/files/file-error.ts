import { CommandError, HostError } from '../../errors.ts'
import type { ProgramEnding } from './program.ts'

/** What programs say in English, by the names that Node's fs errors have. */
const CODES: readonly (readonly [RegExp, string])[] = [
  [/No space left on device|Wrote only \d+ of \d+ bytes/, 'ENOSPC'],
  [/Disk quota exceeded/, 'EDQUOT'],
  [/Read-only file system/, 'EROFS'],
  [/Is a directory|cannot overwrite directory/i, 'EISDIR'],
  [/Not a directory|cannot overwrite non-directory/i, 'ENOTDIR'],
  // The last two are what dash and BusyBox's shell say of a folder that is not there.
  [/No such file or directory|Directory nonexistent|nonexistent directory/, 'ENOENT'],
  [/Permission denied/, 'EACCES'],
  [/Operation not permitted/, 'EPERM'],
  [/invalid user|invalid group/, 'EINVAL'],
]

const HINTS: Readonly<Record<string, { guest: string; host: string }>> = {
  ENOSPC: {
    guest: "The guest's disk, or the memory behind its /tmp or /run, is full.",
    host: 'Free some space on this machine.',
  },
  EISDIR: {
    guest: 'Give the full destination path, not its parent folder.',
    host: 'Give the full destination path, not its parent folder.',
  },
  ELOOP: {
    guest: 'A symlink points to itself.',
    host: 'The path is a symlink: give the path that it points to, or remove the link.',
  },
  EFBIG: {
    guest: 'Raise maxBytes if that much is intended.',
    host: 'Raise maxBytes if that much is intended.',
  },
  EINVAL: {
    guest: 'Does the guest have that user and group? Create them first: await guest.$`useradd …`.',
    host: 'See above.',
  },
}

export function codeIn(stderr: string): string | undefined {
  return CODES.find(([text]) => text.test(stderr))?.[1]
}

export function guestFileError(what: string, path: string, { exitCode, signal, stderr }: ProgramEnding): CommandError {
  const code = codeIn(stderr)
  return new CommandError(`${what} failed in the guest${code === undefined ? '' : ` (${code})`}`, {
    command: what,
    path,
    code,
    exitCode,
    signal,
    stderr,
    hint: code === undefined ? undefined : HINTS[code]?.guest,
  })
}

/** A guest's archive contains one file or folder, unless its tar has been replaced. */
export function badArchive({ what, path }: { what: string; path: string }, found: string): CommandError {
  return new CommandError(`${what} failed in the guest: its archive contains ${found}, not one file or folder`, {
    command: what,
    path,
    hint: 'Is tar in the guest GNU tar, and is the guest healthy?',
  })
}

export function tooLarge({ what, path }: { what: string; path: string }, maxBytes: number): CommandError {
  return new CommandError(`${what} was aborted: it has more than ${maxBytes} bytes`, {
    command: what,
    path,
    code: 'EFBIG',
    hint: HINTS['EFBIG']?.guest,
  })
}

/** A file of the host, or tar there, failed. */
export function hostFileError(what: string, path: string, cause: unknown): HostError {
  const { stderr, message, code: ownCode, exitCode } = cause as Partial<HostError> & { message: string }
  const code = ownCode ?? codeIn(stderr ?? '')
  return new HostError(`${what} failed on the host${code === undefined ? '' : ` (${code})`}`, {
    command: what,
    path,
    code,
    exitCode,
    stderr: stderr ?? message,
    cause,
    hint: code === undefined ? undefined : HINTS[code]?.host,
  })
}

export function canceled(what: string, path: string, cause: unknown): CommandError {
  return new CommandError(`${what} was canceled`, { command: what, path, cause })
}

export function stalled(what: string, path: string, ms: number): CommandError {
  return new CommandError(`${what} stalled for ${ms} milliseconds`, {
    command: what,
    path,
    elapsedMs: ms,
    timedOut: true,
    hint: 'Is it a pipe that nobody writes to, or is the guest paused? timeouts.command is the limit.',
  })
}
