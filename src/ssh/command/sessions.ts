import type { Client } from 'ssh2'

/** Simultaneous commands over a connection. sshd allows 100 sessions (MaxSessions, src/seed/sshd-config.ts); the rest is for files and kills. */
export const MOST_SESSIONS = 90

interface Sessions {
  taken: number
  readonly queue: (() => void)[]
}

const SESSIONS = new WeakMap<Client, Sessions>()

/**
 * Calls `begin` when there is a free session, with a function that returns the session.
 * @returns the same function, which also leaves the queue; undefined when it would have to wait and must not
 */
export function takeSession(
  client: Client,
  mayWait: boolean,
  begin: (leave: () => void) => void,
): (() => void) | undefined {
  const sessions = SESSIONS.get(client) ?? { taken: 0, queue: [] }
  SESSIONS.set(client, sessions)
  const { queue } = sessions
  let state: 'waits' | 'has one' | 'over' = 'waits'
  const enter = () => {
    sessions.taken++
    state = 'has one'
    begin(leave)
  }
  const leave = () => {
    if (state === 'waits') queue.splice(queue.indexOf(enter), 1)
    if (state === 'has one') {
      sessions.taken--
      queue.shift()?.()
    }
    state = 'over'
  }
  if (sessions.taken >= MOST_SESSIONS && !mayWait) return undefined
  if (sessions.taken < MOST_SESSIONS) enter()
  else queue.push(enter)
  return leave
}
