import type { Client } from 'ssh2'

const GOING_DOWN = /\b(reboot|poweroff|halt|shutdown|kexec|isolate|(tel)?init\s+[06])\b/

/** A client that is replaced when it has closed, because a test ended it or the guest dropped it. */
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
    // ssh2 opens no more channels after end() or destroy(), but emits 'close' only later, perhaps a round trip.
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
    /** False once the guest dropped a client, or a command ran that may shut the guest down. */
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
