import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { NetworkError } from '../errors.ts'
import { programEnvironment, temporaryFolder } from '../host/environment.ts'
import { explainNamespaceFailure, namespaceFlags, NAMESPACES, needsUserNamespace } from '../host/namespaces.ts'
import { requireTool } from '../host/tools.ts'
import { until } from '../lifetime/until.ts'

/** `struct sockaddr_un` holds 108 bytes, the last of them NUL (unix(7)); `/vitest-guest-0123456789ab/keeper.sock` takes 38. */
const LONGEST_PARENT = 107 - 38
export const STATE_FOLDER_PREFIX = 'vitest-guest-'
export const KEEPER_SOCKET = 'keeper.sock'
/** A keeper that cannot leave by itself is killed after this long, in milliseconds. */
const LEAVE_BUDGET = 1000

/** A running keeper: a user, network and PID namespace that end with the process that asked for them. */
export interface Keeper extends AsyncDisposable {
  /** The keeper's process id, as the caller sees it. */
  readonly pid: number
  /** Its other end is the keeper's, and breaks when the keeper goes: for what has to go then too. */
  readonly life: Socket
  /** Resolves once the state folder is there and the socket answers. */
  readonly ready: Promise<void>
  /** The state folder, mode 0700; removed when the keeper goes. */
  readonly folder: string
  /** Answers `CONNECT host:port` from inside the network. */
  readonly socketPath: string
  /** The command line that runs another one inside the namespaces. */
  inside(command: readonly string[]): [string, ...string[]]
  /** Has it outlive this process, for so many seconds at most. Returns the id of the process that holds it: with that it goes. */
  hold(seconds: number): number
}

/**
 * Node takes its time to start, so a shell goes before it in the same process: from its first line on, others can enter the
 * namespaces. /proc still belongs to the PID namespace outside, so that line names the process as the caller sees it.
 */
const SAY_PID = 'read -r pid rest </proc/self/stat && echo "$pid" && exec "$@"'

/**
 * The keepers that live. An ordinary user's networks are in one user namespace, which they take over from one another: only who rules
 * both of two networks may move a card between them.
 */
const siblings = new Set<number>()

/**
 * Returns as soon as programs can be run inside; dialing takes a moment longer (`ready`).
 * @throws HostError when unshare or nsenter is missing; NetworkError with the cause when the kernel refuses.
 */
export async function startKeeper(signal?: AbortSignal): Promise<Keeper> {
  const unshare = requireTool('unshare')
  const nsenter = requireTool('nsenter')
  const parent = shortEnough(temporaryFolder())
  const folder = join(parent, `${STATE_FOLDER_PREFIX}${randomBytes(6).toString('hex')}`)
  const user = needsUserNamespace()
  const program = ['/bin/sh', '-c', SAY_PID, 'keeper', process.execPath, keeperProgram(), folder]
  const sibling = user ? siblings.values().next().value : undefined
  const enterSibling = ['--target', `${sibling}`, '--user', '--preserve-credentials', '--', unshare, ...NAMESPACES]
  const makers = sibling === undefined ? [unshare, ...namespaceFlags()] : [nsenter, ...enterSibling]
  const [maker = unshare, ...makerFlags] = makers
  const child = spawn(maker, [...makerFlags, '--', ...program], {
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    // A session of its own: Ctrl-C in the terminal reaches the runner, which then closes in order.
    detached: true,
    env: { ...programEnvironment(), NODE_OPTIONS: '' },
  })
  const life = (child.stdio[3] as Socket).on('error', () => {})
  // EPIPE when the keeper has gone already.
  child.stdin.on('error', () => {})
  const lines = linesOf(child)
  try {
    const pid = await until(signal, lines())
    siblings.add(Number(pid))
    child.once('close', () => siblings.delete(Number(pid)))
    const ready = lines().then(() => {})
    ready.catch(() => {})
    const enter = ['--target', pid, ...(user ? ['--user', '--preserve-credentials'] : []), '--net', '--pid', '--']
    return {
      pid: Number(pid),
      life,
      ready,
      folder,
      socketPath: join(folder, KEEPER_SOCKET),
      inside: (command) => [nsenter, ...enter, ...command],
      hold: (seconds) => hold(child.stdin, seconds),
      [Symbol.asyncDispose]: () => {
        siblings.delete(Number(pid))
        return end(child, folder)
      },
    }
  } catch (error) {
    await end(child, folder)
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

/** The child's lines, one by one; each is a NetworkError once there are no more. */
function linesOf(child: ChildProcessByStdio<Writable, Readable, Readable>): () => Promise<string> {
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject)
    child.once('close', (exitCode) => {
      const { message, hint } = explainNamespaceFailure(stderr)
      const command = child.spawnargs.join(' ')
      reject(new NetworkError(message, { command, exitCode: exitCode ?? undefined, stderr, hint }))
    })
  })
  failed.catch(() => {})
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]()
  const next = async () => {
    const { value, done } = (await lines.next()) as IteratorResult<string, undefined>
    return done ? failed : value
  }
  return () => Promise.race([next(), failed])
}

/** The keeper lives as long as somebody has the other end of its input. */
function hold(input: Writable, seconds: number): number {
  const holder = spawn('sleep', [`${seconds}`], { stdio: [input, 'ignore', 'ignore'], detached: true })
  holder.unref()
  return holder.pid as number
}

/** Closing its input lets the keeper remove the state folder and leave; one that had to be killed did not get to it. */
async function end(child: ChildProcess, folder: string): Promise<void> {
  if (child.pid === undefined) return
  if (child.exitCode === null && child.signalCode === null) {
    const gone = new Promise((resolve) => child.once('close', resolve))
    child.stdin?.end()
    const timer = setTimeout(() => child.kill('SIGKILL'), LEAVE_BUDGET)
    await gone
    clearTimeout(timer)
  }
  if (child.signalCode === 'SIGKILL') await rm(folder, { recursive: true, force: true })
}
