import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process'
import { rm } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { createInterface } from 'node:readline'
import type { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { NetworkError } from '../../errors.ts'
import { programEnvironment } from '../../host/environment.ts'
import { makeStateFolder } from '../../host/files/state-folder.ts'
import { requireStreams } from '../../host/program/require-streams.ts'
import { letGo } from '../../host/program/let-go.ts'
import type { Inside } from '../inside/run-inside.ts'

/** A running keeper. It ends with the process that started it. */
export interface Keeper extends AsyncDisposable, Inside {
  readonly pid: number
  /** Resolves once the state folder is there and the socket answers. */
  readonly ready: Promise<void>
  /** The state folder, mode 0700; removed when the keeper goes. */
  readonly folder: string
  /** Answers `CONNECT host:port` from inside the network. */
  readonly socketPath: string
  /** Lets it outlive this process, for at most this many seconds. Returns the id of the process that holds it; ending that ends it. */
  hold(seconds: number): number
}

/** Its fourth descriptor is a socket that closes when the keeper ends. */
export type KeeperChild = ChildProcessByStdio<Writable, Readable, Readable> & {
  readonly stdio: readonly [Writable, Readable, Readable, Socket, ...unknown[]]
}

/** Explains from its stderr why the child has ended. */
export type ExplainStderr = (stderr: string) => { message: string; hint?: string }

/** The command line of the program that holds a network. From source Node strips the types; in the package it is JavaScript. */
export function keeperProgram(folder: string, kind: 'private' | 'host' | 'user', ...rest: string[]): string[] {
  const name = import.meta.url.endsWith('.ts') ? './keeper.ts' : './keeper.js'
  return [process.execPath, fileURLToPath(new URL(name, import.meta.url)), folder, kind, ...rest]
}

/** @param folder its state folder, which is made now, and removed with the keeper even if that was killed */
export function spawnKeeper([file = '', ...args]: readonly string[], folder: string): KeeperChild {
  const child = spawn(file, args, {
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    // A session of its own: Ctrl-C in the terminal reaches the runner, which then closes in order.
    detached: true,
    env: { ...programEnvironment(), NODE_OPTIONS: '' },
  })
  requireStreams(child, [file, ...args])
  // EPIPE when the keeper has gone already.
  child.stdin.on('error', () => {})
  child.once('close', () => void rm(folder, { recursive: true, force: true }).catch(() => {}))
  letGo(child)
  makeStateFolder(folder)
  return child as KeeperChild
}

/** Returns the child's next line at each call. @throws NetworkError once it has ended */
export function linesOf(child: KeeperChild, explain: ExplainStderr): () => Promise<string> {
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const failed = new Promise<never>((_, reject) => {
    child.once('error', reject)
    child.once('close', (exitCode) => {
      const { message, hint } = explain(stderr)
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

/** The keeper lives as long as some process has the other end of its input open. @throws NetworkError when it has ended */
export function hold(input: Writable, seconds: number): number {
  if (!input.writable) throw new NetworkError('A network that has been disposed of cannot be kept')
  const holder = spawn('sleep', [`${seconds}`], { stdio: [input, 'ignore', 'ignore'], detached: true })
  requireStreams(holder, ['sleep', `${seconds}`])
  holder.unref()
  return holder.pid as number
}

/** Closes the keeper's input, so that it cleans up, removes the state folder and exits. After `budget` milliseconds it is killed. */
export async function end(child: ChildProcess, folder: string, budget: number): Promise<void> {
  if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
    child.ref()
    const gone = new Promise((resolve) => child.once('close', resolve))
    child.stdin?.end()
    const timer = setTimeout(() => child.kill('SIGKILL'), budget)
    await gone
    clearTimeout(timer)
  }
  // A keeper that was killed has not done it.
  await rm(folder, { recursive: true, force: true })
}
