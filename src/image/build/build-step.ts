import { HostError, ImageError } from '../../errors.ts'
import { run } from '../../host/program/run.ts'
import { requireTool } from '../../host/program/tools.ts'

/** Of a program's output, for an error to quote. */
const KEPT_LINES = 200

export interface BuildStep {
  readonly cwd: string
  readonly env?: NodeJS.ProcessEnv
  readonly signal?: AbortSignal | undefined
  readonly onLine?: (line: string) => void
}

/**
 * Runs a program as root, which may give files to any user. An ordinary user gets a user namespace with the
 * subordinate ids of /etc/subuid; mmdebstrap's own --mode=unshare needs its folder in a place that those ids may
 * enter (not a home with mode 0700) and leaves it behind when killed.
 *
 * The mount and PID namespaces ensure that nothing remains: when this process dies, by whatever signal, the kernel
 * kills unshare (`run`), --kill-child kills the first process inside, and all others and the mounts vanish with it.
 */
export function asRoot(command: readonly string[], uid: number = process.getuid?.() ?? 0): [string, ...string[]] {
  const user = uid === 0 ? [] : ['--map-root-user', '--map-auto']
  const namespaces = ['--mount', '--pid', '--fork', '--kill-child']
  return [requireTool('unshare'), ...user, ...namespaces, '--', ...command]
}

/** @throws ImageError with the end of the program's output; the signal's reason when aborted. */
export async function runAsRoot(command: readonly string[], { cwd, env, signal, onLine }: BuildStep): Promise<void> {
  const [file, ...args] = asRoot(command)
  const said: string[] = []
  const listen = (line: string) => {
    said.push(line)
    if (said.length > KEPT_LINES) said.shift()
    onLine?.(line)
  }
  await run(file, args, {
    cwd,
    env: { TMPDIR: cwd, ...env },
    signal,
    onLine: listen,
    // unshare blocks SIGTERM while it waits for its child (util-linux 2.38, sys-utils/unshare.c).
    killSignal: 'SIGKILL',
  }).catch((cause: unknown) => {
    if (!(cause instanceof HostError)) throw cause
    const { exitCode, signal: endedBy } = cause
    const program = command[0]?.split('/').at(-1)
    throw new ImageError(`${program} failed (${endedBy ?? `exit code ${exitCode}`})`, {
      command: [file, ...args].join(' '),
      exitCode,
      signal: endedBy,
      stderr: said.join('\n'),
      cause,
    })
  })
}

/** Removes a folder of a build, regardless of who owns its files. */
export async function removeAsRoot(folder: string): Promise<void> {
  await runAsRoot(['rm', '-rf', '--one-file-system', folder], { cwd: '/' })
}
