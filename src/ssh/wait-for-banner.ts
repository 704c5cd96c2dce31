import type { Duplex } from 'node:stream'
import pRetry from 'p-retry'
import { Deadline } from '../lifetime/deadline.ts'
import { until } from '../lifetime/until.ts'

export type Dial = (port: number, signal: AbortSignal) => Promise<Duplex>

const SSH_PORT = 22
/** All in milliseconds. */
const BETWEEN_TRIES = 100
/** When nobody answers its ARP requests, Linux delays a connect for 3 s, longer than a guest may take to start. */
const CONNECT_LIMIT = 1000
/** sshd forks and re-executes itself before it sends its banner, which takes a moment in a busy emulated guest. */
const BANNER_LIMIT = 4000
/** RFC 4253, 4.2, allows other lines before the version; nobody sends this many. */
const LONGEST_GREETING = 16_384
const BANNER = /^SSH-2\.0-/m

/** Dials until an SSH banner arrives, and leaves it to be read: a connect alone proves nothing. @throws the signal's reason */
export async function waitForBanner(dial: Dial, signal: AbortSignal): Promise<Duplex> {
  return pRetry(() => tryOnce(dial, signal), {
    retries: Infinity,
    minTimeout: BETWEEN_TRIES,
    factor: 1,
    signal,
  })
}

async function tryOnce(dial: Dial, signal: AbortSignal): Promise<Duplex> {
  const socket = await within(CONNECT_LIMIT, signal, (limited) => dial(SSH_PORT, limited))
  // Stays: a reset before the next owner listens must not be an uncaught error.
  socket.on('error', () => {})
  try {
    await within(BANNER_LIMIT, signal, (limited) => readBanner(socket, limited))
  } catch (error) {
    socket.destroy()
    throw error
  }
  return socket
}

async function within<T>(limit: number, signal: AbortSignal, act: (signal: AbortSignal) => Promise<T>): Promise<T> {
  using deadline = new Deadline(limit, { signal, late: () => new Error(`no answer within ${limit} ms`) })
  return await act(deadline.signal)
}

function readBanner(socket: Duplex, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  let seen = Buffer.alloc(0)
  const onData = (chunk: Buffer) => {
    seen = Buffer.concat([seen, chunk])
    if (BANNER.test(seen.toString('latin1'))) {
      stop()
      socket.pause()
      socket.unshift(seen)
      resolve()
    } else if (seen.length > LONGEST_GREETING) {
      reject(new Error('something other than an SSH server answers'))
    }
  }
  const onEnd = () => reject(new Error('the connection was closed before an SSH banner arrived'))
  const stop = () => socket.off('data', onData).off('error', reject).off('end', onEnd).off('close', onEnd)
  socket.on('data', onData).on('error', reject).on('end', onEnd).on('close', onEnd)
  if (socket.destroyed) onEnd()
  return until(signal, promise).finally(stop)
}
