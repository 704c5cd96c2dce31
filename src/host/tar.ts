import { spawn } from 'node:child_process'
import type { Readable, Writable } from 'node:stream'
import { basename, dirname } from 'node:path'
import { HostError } from '../errors.ts'
import { programEnvironment } from './environment.ts'
import { requireTool } from './tools.ts'

/** A tar that runs, tied to a stream. */
interface Tar {
  /** Resolves when it has ended well. @throws HostError with its stderr */
  readonly done: Promise<void>
  /** Ends it, if it has not ended yet, and waits until it is gone. */
  kill(): Promise<void>
}

/** GNU tar's answer when a file changed while it was read, a log that grows for instance; the archive is whole. */
const CHANGED = 1

/** Packs one file or folder as `./NAME`, with holes left out and symlinks kept. */
export function packTar(path: string): Tar & { readonly output: Readable } {
  // Names may hold backslashes, which tar would take for escapes.
  const how = ['--create', '--sparse', '--no-unquote', '--file=-', `--directory=${dirname(path)}`]
  const args = [...how, '--', `./${basename(path)}`]
  const { child, done, kill } = start(args, CHANGED)
  return { output: child.stdout, done, kill }
}

/** Unpacks into a folder, which is there already, with the permissions of the archive and our ownership. */
export function unpackTar(folder: string): Tar & { readonly input: Writable } {
  const args = ['--extract', '--preserve-permissions', '--no-same-owner', '--file=-', `--directory=${folder}`]
  const { child, done, kill } = start(args, 0)
  return { input: child.stdin, done, kill }
}

function start(args: readonly string[], worst: number) {
  // setpriv: it ends with us, whatever ends us.
  const child = spawn(requireTool('setpriv'), ['--pdeathsig', 'KILL', requireTool('tar'), ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...programEnvironment(), TAR_OPTIONS: '' },
  })
  child.stdin.on('error', () => {})
  child.stdout.on('error', () => {})
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const done = new Promise<void>((resolve, reject) => {
    const fail = (what: string, facts: { exitCode?: number | undefined; cause?: unknown }) =>
      reject(new HostError(`tar ${what}`, { command: ['tar', ...args].join(' '), stderr, ...facts }))
    child.once('error', (cause) => fail('could not be started', { cause }))
    child.once('close', (code, signal) => {
      if (code !== null && code <= worst) resolve()
      else
        fail(code === null ? `was ended by ${signal}` : `failed with exit code ${code}`, {
          exitCode: code ?? undefined,
        })
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
