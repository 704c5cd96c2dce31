import type { Client } from 'ssh2'
import { notStarted } from './exec-errors.ts'

interface Request {
  readonly pid: number
  readonly resolve: (wasThere: boolean) => void
  readonly reject: (error: Error) => void
}

/** By signal, and what nobody has sent yet. While a client has an entry somebody is at it. */
const REQUESTS = new WeakMap<Client, Map<NodeJS.Signals, Request[]>>()

/**
 * Sends a signal to a whole process group, by the guest's own kill. One program sends all that are asked for meanwhile: a program
 * for each would take more sessions than there are when many commands are ended at once.
 * @returns whether there was such a group
 * @throws SshError when the connection is gone, or has no channel left
 */
export function signalGroup(client: Client, pid: number, signal: NodeJS.Signals): Promise<boolean> {
  return new Promise((resolve, reject) => {
    let requests = REQUESTS.get(client)
    if (!requests) {
      REQUESTS.set(client, (requests = new Map<NodeJS.Signals, Request[]>()))
      // The others of this turn come along.
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

/** Returns the groups that were there. */
function send(client: Client, pids: readonly number[], signal: NodeJS.Signals): Promise<number[]> {
  const kill = `kill -s ${signal.slice('SIG'.length)} -- "-$group"`
  const command = `for group in ${pids.join(' ')}; do ${kill} 2>/dev/null && echo "$group"; done`
  return new Promise((resolve, reject) => {
    const fail = (cause: unknown) => reject(notStarted(command, cause))
    try {
      client.exec(command, (error, channel) => {
        if (error) return fail(error)
        let said = ''
        channel.on('data', (chunk: Buffer) => (said += chunk.toString()))
        channel.on('error', () => {})
        channel.on('close', () => resolve(said.split('\n').filter(Boolean).map(Number)))
        channel.stderr.resume()
      })
    } catch (cause) {
      fail(cause)
    }
  })
}
