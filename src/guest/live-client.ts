import type { Client } from 'ssh2'

/** A client that is replaced when it has closed: a test may end it, a guest may drop it. */
export interface LiveClient {
  /** The client of this moment, open or not. */
  readonly current: Client
  /** The open client, connected anew if need be. */
  open(): Promise<Client>
}

export function liveClient(first: Client, connect: () => Promise<Client>): LiveClient {
  let current = first
  let closed = false
  let connecting: Promise<Client> | undefined

  const adopt = (client: Client) => {
    current = client
    closed = false
    const over = () => {
      if (current === client) closed = true
    }
    client.once('close', over)
    // ssh2 takes no more channels after end(), and tells nobody before 'close', which is a round trip away.
    const end = client.end.bind(client)
    client.end = () => {
      over()
      return end()
    }
    return client
  }
  adopt(first)

  return {
    get current() {
      return current
    },
    open: async () => {
      if (!closed) return current
      connecting ??= connect()
        .then(adopt)
        .finally(() => (connecting = undefined))
      return connecting
    },
  }
}
