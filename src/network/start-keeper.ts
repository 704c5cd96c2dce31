import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { NetworkError } from '../errors.ts'
import { programEnvironment, temporaryFolder } from '../host/environment.ts'
import { explainNamespaceFailure, namespaceFlags, needsUserNamespace } from '../host/namespaces.ts'
import { requireTool } from '../host/tools.ts'

/** `struct sockaddr_un` holds 108 bytes, the last of them NUL (unix(7)); `/vitest-guest-XXXXXX/keeper.sock` takes 32. */
const LONGEST_PARENT = 107 - 32
/** A keeper that cannot leave by itself is killed after this long, in milliseconds. */
const LEAVE_BUDGET = 1000

/** A running keeper: a user, network and PID namespace that end with the process that asked for them. */
export interface Keeper extends AsyncDisposable {
  /** The keeper's process id, as the caller sees it. */
  readonly pid: number
  /** The state folder, mode 0700; removed when the keeper goes. */
  readonly folder: string
  /** Answers `CONNECT host:port` from inside the network. */
  readonly socketPath: string
  /** The command line that runs another one inside the namespaces. */
  inside(command: readonly string[]): [string, ...string[]]
}

/**
 * @throws HostError when unshare or nsenter is missing; NetworkError with the cause when the kernel refuses.
 */
export async function startKeeper(signal?: AbortSignal): Promise<Keeper> {
  const unshare = requireTool('unshare')
  const nsenter = requireTool('nsenter')
  const parent = shortEnough(temporaryFolder())
  const user = needsUserNamespace()
  const child = spawn(unshare, [...namespaceFlags(), '--', process.execPath, keeperProgram(), parent], {
    stdio: ['pipe', 'pipe', 'pipe'],
    // A session of its own: Ctrl-C in the terminal reaches the runner, which then closes in order.
    detached: true,
    env: { ...programEnvironment(), NODE_OPTIONS: '' },
  })
  // EPIPE when the keeper has gone already.
  child.stdin.on('error', () => {})
  try {
    const { pid, folder } = await handshake(child, signal)
    const enter = ['--target', `${pid}`, ...(user ? ['--user', '--preserve-credentials'] : []), '--net', '--pid', '--']
    return {
      pid,
      folder,
      socketPath: `${folder}/keeper.sock`,
      inside: (command) => [nsenter, ...enter, ...command],
      [Symbol.asyncDispose]: () => end(child),
    }
  } catch (error) {
    await end(child)
    throw error
  }
}

/** From source Node strips the types; in the package it is JavaScript. */
function keeperProgram(): string {
  const name = import.meta.url.endsWith('.ts') ? './keeper.ts' : './keeper.js'
  return fileURLToPath(new URL(name, import.meta.url))
}

function shortEnough(parent: string): string {
  if (Buffer.byteLength(parent) <= LONGEST_PARENT) return parent
  throw new NetworkError(`The temporary folder's path is too long for a UNIX socket: ${parent}`, {
    hint: `Set TMPDIR to a path of at most ${LONGEST_PARENT} bytes, for example TMPDIR=/tmp.`,
  })
}

async function handshake(
  child: ChildProcess & { stdout: NodeJS.ReadableStream; stderr: NodeJS.ReadableStream },
  signal: AbortSignal | undefined,
): Promise<{ pid: number; folder: string }> {
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal?.reason as Error)
    if (signal?.aborted) return abort()
    signal?.addEventListener('abort', abort, { once: true })
    child.once('close', () => signal?.removeEventListener('abort', abort))
    createInterface(child.stdout).once('line', (line) => {
      signal?.removeEventListener('abort', abort)
      resolve(JSON.parse(line) as { pid: number; folder: string })
    })
    child.once('error', reject)
    child.once('close', (exitCode) => {
      const { message, hint } = explainNamespaceFailure(stderr)
      reject(
        new NetworkError(message, {
          command: child.spawnargs.join(' '),
          exitCode: exitCode ?? undefined,
          stderr,
          hint,
        }),
      )
    })
  })
}

/** Closing its input lets the keeper remove the state folder and leave. */
async function end(child: ChildProcess): Promise<void> {
  if (child.pid === undefined) return
  if (child.exitCode === null && child.signalCode === null) {
    const gone = new Promise((resolve) => child.once('close', resolve))
    child.stdin?.end()
    const timer = setTimeout(() => child.kill('SIGKILL'), LEAVE_BUDGET)
    await gone
    clearTimeout(timer)
  }
}
