import type { Duplex } from 'node:stream'
import type { Client } from 'ssh2'

/**
 * Ends a connection from this side at once. ssh2's own `destroy()` does nothing once `end()` was called (1.17, lib/client.js), and
 * then it lasts until the other side answers, which a guest without power never does.
 */
export function hangUp(client: Client): void {
  const { _sock: socket } = client as { _sock?: Duplex }
  client.end()
  socket?.destroy()
}
