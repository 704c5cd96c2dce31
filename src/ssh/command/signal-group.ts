import type { Client } from 'ssh2'
import { notStarted } from './exec-errors.ts'
import { startMark } from './start-mark.ts'

interface Request {
  readonly pid: number
  readonly resolve: (wasThere: boolean) => void
  readonly reject: (error: Error) => void
}

/** Requests by signal that have not been sent yet. While a client has an entry, they are being sent. */
const REQUESTS = new WeakMap<Client, Map<NodeJS.Signals, Request[]>>()

/**
 * Sends a signal to a process group by the guest's kill, in one session for all simultaneous requests.
 * @returns whether the group existed. @throws SshError when the connection is gone, or has no channel left
 */
export function signalGroup(client: Client, pid: number, signal: NodeJS.Signals): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let requests = REQUESTS.get(client)
    if (!requests) {
      REQUESTS.set(client, (requests = new Map<NodeJS.Signals, Request[]>()))
      // Together with the other requests of this turn.
      queueMicrotask(() => void sendAll(client))
    }
    requests.set(signal, [...(requests.get(signal) ?? []), { pid, resolve, reject }])
  })
}

async function sendAll(client: Client): Promise<void> {
  for (;;) {
    const [next] = REQUESTS.get(client) ?? []
    if (!next) break
    const [signal, requests] = next
    REQUESTS.get(client)?.delete(signal)
    try {
      const there = await send(
        client,
        requests.map(({ pid }) => pid),
        signal,
      )
      for (const { pid, resolve } of requests) resolve(there.includes(pid))
    } catch (error) {
      for (const { reject } of requests) reject(error as Error)
    }
  }
  REQUESTS.delete(client)
}

/** Bytes of a process ID and the end of its line. */
const PID_BYTES = 12

/** Returns the groups that existed. */
function send(client: Client, pids: readonly number[], signal: NodeJS.Signals): Promise<number[]> {
  const kill = `kill -s ${signal.slice('SIG'.length)} -- "-$group"`
  const command = `for group in ${pids.join(' ')}; do ${kill} 2>/dev/null && echo "$group"; done`
  const mark = startMark()
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) => reject(notStarted(command, cause))
    try {
      client.exec(`${mark.say()}\n${command}`, (error, channel) => {
        if (error) return fail(error)
        const most = pids.length * PID_BYTES
        let said = ''
        channel.on('error', () => {})
        channel.on('close', () => resolve(said.split('\n').filter(Boolean).map(Number)))
        channel.stderr.resume()
        const output = channel.pipe(mark.cut()).on('data', (chunk: Buffer) => {
          if (said.length <= most) said += chunk.toString()
        })
        // Closing the channel ends a flood of other output.
        output.on('fail', () => channel.close())
      })
    } catch (cause) {
      fail(cause)
    }
  })
}
