import type { Duplex } from 'node:stream'
import type { Client } from 'ssh2'

/** Milliseconds. A guest that vanishes closes nothing. This notices after 90 s, so that a paused guest is not given up too early. */
const INTERVAL = 15_000
const MISSES = 6

/** Private parts of ssh2 1.x. */
interface Inside {
  readonly _protocol?: { ping(): void }
  /** Called for each answer, in the order of the requests. */
  readonly _callbacks?: (() => void)[]
}

/** ssh2's own keepalive, except that its timer does not keep the process alive. */
export function keepAlive(client: Client, socket: Duplex): void {
  const { _protocol: protocol, _callbacks: callbacks } = client as Inside
  if (!protocol || !callbacks) return
  let missed = 0
  const timer = setInterval(() => {
    if (++missed > MISSES) {
      clearInterval(timer)
      client.emit('error', Object.assign(new Error('Keepalive timeout'), { level: 'client-timeout' as const }))
      socket.destroy()
    } else if (socket.writable) {
      callbacks.push(() => (missed = 0))
      protocol.ping()
    }
  }, INTERVAL).unref()
  client.once('close', () => clearInterval(timer))
}
