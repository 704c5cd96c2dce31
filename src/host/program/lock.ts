import { spawn } from 'node:child_process'
import { constants } from 'node:fs'
import { open, readFile } from 'node:fs/promises'
import { HostError } from '../../errors.ts'
import { messageOf } from '../message-of.ts'
import { programEnvironment } from '../environment.ts'
import { requireStreams } from './require-streams.ts'
import { requireTool } from './tools.ts'
import { until } from '../../lifetime/until.ts'

/** Milliseconds of waiting for another process before it is reported. */
const SOON = 500
/** Milliseconds between two reports of a wait. */
const REMIND_EVERY = 10_000
/** What flock exits with when another process holds the lock (--conflict-exit-code). */
const BUSY = 1
const HINT = 'Its folder must exist and be writable by this user; set VITEST_GUEST_CACHE to use another cache.'

export interface Lock extends AsyncDisposable {
  /** Sets the status that waiting processes report from now on. */
  tell(state: string): Promise<void>
}

/**
 * Takes a lock that one process on this machine holds at a time. The lock is the kernel's (flock(2)), held by a small
 * child that the kernel ends with us: when this process goes, by whatever signal, the lock is free. While another one
 * holds it, `onProgress` hears who that is.
 * @param act what the holder does, for others to read: `building`, `downloading`
 * @throws HostError when it cannot be taken at all; the signal's reason when aborted.
 */
export async function takeLock(
  path: string,
  purpose: string,
  onProgress: (line: string) => void,
  signal?: AbortSignal,
  act = 'building',
): Promise<Lock> {
  const lock = (await tryLock(path, signal)) ?? (await waitForLock(path, onProgress, signal))
  const tell = (state: string) => overwrite(path, `process ${process.pid}, which is ${act} ${purpose}${state}\n`)
  try {
    await tell('')
  } catch (cause) {
    await lock[Symbol.asyncDispose]()
    throw new HostError(`The lock ${path} cannot be written: ${messageOf(cause)}`, { cause, path, hint: HINT })
  }
  return { ...lock, tell: (state) => tell(`: ${state}`) }
}

/** Reports only what another process holds: on a busy machine, taking a free lock may take as long. */
async function waitForLock(
  path: string,
  onProgress: (line: string) => void,
  signal?: AbortSignal,
): Promise<AsyncDisposable> {
  const startedAt = performance.now()
  const remind = async () => {
    const seconds = Math.round((performance.now() - startedAt) / 1000)
    onProgress(`waiting for ${await readHolder(path)} (${seconds} s)`)
  }
  const first = setTimeout(() => void remind(), SOON)
  const others = setInterval(() => void remind(), REMIND_EVERY)
  return holdLock(path, signal).finally(() => {
    clearTimeout(first)
    clearInterval(others)
  })
}

/**
 * The same for short work: without a status for others to read, so that it can be a folder that several users lock.
 * @throws HostError when it cannot be taken at all; the signal's reason when aborted.
 */
export async function holdLock(path: string, signal?: AbortSignal, flags: string[] = []): Promise<AsyncDisposable> {
  signal?.throwIfAborted()
  // flock becomes cat once it has the lock (--no-fork), and cat echoes its input. Every Debian has both.
  const holder = ['--pdeathsig', 'KILL', 'flock', '--exclusive', ...flags, '--no-fork', path, 'cat']
  const child = spawn(requireTool('setpriv'), holder, { stdio: ['pipe', 'pipe', 'pipe'], env: programEnvironment() })
  requireStreams(child, ['flock', path])
  let stderr = ''
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  child.stdin.on('error', () => {})
  const closed = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const taken = new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve())
    // It could not be started: no descriptors or processes are left.
    child.once('error', (cause) => reject(refusal(path, messageOf(cause), { cause })))
    child.once('close', (exitCode) => reject(refusal(path, stderr, { exitCode: exitCode ?? undefined, stderr })))
  })
  taken.catch(() => {})
  child.stdin.write('locked\n')
  const release = async () => {
    child.kill('SIGKILL')
    await closed
  }
  try {
    await until(signal, taken)
  } catch (error) {
    await release()
    throw error
  }
  return { [Symbol.asyncDispose]: release }
}

/**
 * The same without waiting.
 * @returns undefined while another process holds it
 * @throws HostError when it cannot be taken at all
 */
export async function tryLock(path: string, signal?: AbortSignal): Promise<AsyncDisposable | undefined> {
  return holdLock(path, signal, ['--nonblock']).catch((error: unknown) => {
    if (error instanceof HostError && error.exitCode === BUSY) return undefined
    throw error
  })
}

/** Does short work under a lock, without waiting for it. @returns what the work returns, or who holds the lock */
export async function underLock(path: string, act: () => Promise<string | undefined>): Promise<string | undefined> {
  await using lock = await tryLock(path)
  return lock ? await act() : await readHolder(path)
}

/** Who holds a lock, or held it last: `process 12, which is building the template web`. */
export async function readHolder(path: string): Promise<string> {
  const text = await readFile(path, 'utf8').catch(() => '')
  return text.split('\n', 1)[0] || 'another process'
}

/** In place, since this file is what is locked, and truncated afterwards, so that a reader never finds it empty. */
async function overwrite(path: string, text: string): Promise<void> {
  await using file = await open(path, constants.O_WRONLY | constants.O_CREAT)
  const { bytesWritten } = await file.write(text, 0)
  await file.truncate(bytesWritten)
}

function refusal(path: string, reason: string, facts: ConstructorParameters<typeof HostError>[1]): HostError {
  const why = reason.trim().split(': ').at(-1)
  return new HostError(`The lock ${path} cannot be taken${why ? `: ${why}` : ''}`, { ...facts, path, hint: HINT })
}
