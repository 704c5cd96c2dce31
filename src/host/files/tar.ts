import { spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { basename, dirname } from 'node:path'
import { HostError } from '../../errors.ts'
import { programEnvironment } from '../environment.ts'
import { requireStreams } from '../program/require-streams.ts'
import { requireTool } from '../program/tools.ts'

export interface Tar {
  /** Resolves when it has succeeded. @throws HostError with its stderr */
  readonly done: Promise<void>
  /** Kills it if it is still running, and waits for its end. */
  kill(): Promise<void>
}

/** GNU tar's exit code when a file changed while it was read, such as a growing log; the archive is complete. */
const CHANGED = 1
/** Characters of stderr that are kept. */
const KEPT = 100_000

/** Packs one file or folder as `./NAME`, without holes; symlinks stay symlinks. */
export function packTar(path: string): Tar & { readonly output: Readable } {
  // Otherwise tar takes backslashes in names for escapes.
  const how = ['--create', '--sparse', '--no-unquote', '--file=-', `--directory=${dirname(path)}`]
  const args = [...how, '--', `./${basename(path)}`]
  const { child, done, kill } = startTar([], args, (code) => code <= CHANGED)
  return { output: child.stdout, done, kill }
}

/**
 * @param before the words of a command that runs tar with fewer rights
 * @param isFine whether an exit code other than 0 is fine, given its stderr
 */
export function startTar(
  before: readonly string[],
  args: readonly string[],
  isFine: (exitCode: number, stderr: string) => boolean,
) {
  // setpriv: it ends with this process, however that ends.
  const command = [requireTool('setpriv'), '--pdeathsig', 'KILL', ...before, requireTool('tar'), ...args] as const
  const child = spawn(command[0], command.slice(1), {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...programEnvironment(), TAR_OPTIONS: '' },
  })
  requireStreams(child, ['tar', ...args])
  child.stdin.on('error', () => {})
  child.stdout.on('error', () => {})
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => {
    if (stderr.length < KEPT) stderr += chunk.toString()
  })
  const done = new Promise<void>((resolve, reject) => {
    const fail = (what: string, facts: { exitCode?: number | undefined; cause?: unknown }) =>
      reject(new HostError(`tar ${what}`, { command: ['tar', ...args].join(' '), stderr, ...facts }))
    child.once('error', (cause) => fail('could not be started', { cause }))
    child.once('close', (code, signal) => {
      if (code === 0 || (code !== null && isFine(code, stderr))) return resolve()
      const how = code === null ? `was killed by ${signal}` : `failed with exit code ${code}`
      fail(how, { exitCode: code ?? undefined })
    })
  })
  done.catch(() => {})
  const kill = async () => {
    child.kill('SIGKILL')
    // Nobody reads the rest.
    child.stdout.resume()
    await done.catch(() => {})
  }
  return { child, done, kill }
}
