import type { Duplex } from 'node:stream'
import type { Client } from 'ssh2'

/** Milliseconds. A guest that vanishes closes nothing; this tells after 90 s, so a paused guest is not given up soon. */
const INTERVAL = 15_000
const MISSES = 6

/** What ssh2 1.x keeps to itself. */
interface Inside {
  readonly _protocol?: { ping(): void }
  /** Told of each answer, in the order of the questions. */
  readonly _callbacks?: (() => void)[]
}

/** Asks the other side whether it is there, as ssh2 would by itself; but ssh2's timer keeps the process from ending. */
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
