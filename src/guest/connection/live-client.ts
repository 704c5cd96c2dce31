import type { Client } from 'ssh2'

const GOING_DOWN = /\b(reboot|poweroff|halt|shutdown|kexec|isolate|(tel)?init\s+[06])\b/

/** A client that is replaced when it has closed: a test may end it, a guest may drop it. */
export function liveClient(first: Client, connect: () => Promise<Client>) {
  let current = first
  let closed = false
  let isTrusted = true
  let connecting: Promise<Client> | undefined

  const adopt = (client: Client) => {
    current = client
    closed = false
    const over = () => {
      if (current === client) closed = true
    }
    client.once('close', () => {
      if (current === client && !closed) isTrusted = false
      over()
    })
    // ssh2 takes no more channels after end() or destroy(), and tells nobody before 'close', which may be a round trip away.
    for (const name of ['end', 'destroy'] as const) {
      const finish = client[name].bind(client)
      client[name] = () => {
        over()
        return finish()
      }
    }
    const exec = client.exec.bind(client) as (...args: unknown[]) => Client
    client.exec = (command: string, ...rest: unknown[]) => {
      if (GOING_DOWN.test(command)) isTrusted = false
      return exec(command, ...rest)
    }
    return client
  }
  adopt(first)

  return {
    get current() {
      return current
    },
    /** Not since the other side dropped a client, or a command was run that may have the guest go down in a moment. */
    get isTrusted() {
      return isTrusted
    },
    trust: () => (isTrusted = true),
    open: async (): Promise<Client> => {
      if (!closed) return current
      connecting ??= connect()
        .then(adopt)
        .finally(() => (connecting = undefined))
      return connecting
    },
  }
}
