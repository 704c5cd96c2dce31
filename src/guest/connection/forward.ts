import { createServer, type Server } from 'node:net'
import { pipeline, type Duplex } from 'node:stream'
import getPort from 'get-port'
import pRetry from 'p-retry'
import { NetworkError } from '../../errors.ts'
import { messageOf } from '../../host/message-of.ts'

/** A port of this host that is forwarded to a port of a guest. Disposing closes it and every connection through it. */
export interface Forward extends AsyncDisposable {
  readonly protocol: 'tcp' | 'udp'
  readonly host: '127.0.0.1'
  readonly port: number
}

/** Between get-port's look and our bind another process may take the port. */
const ATTEMPTS = 5

/**
 * Listens on a free port of 127.0.0.1 and passes every connection to `connect`.
 * @throws NetworkError when no port can be had.
 */
export async function forward(connect: () => Promise<Duplex>): Promise<Forward> {
  const open = new Set<Duplex>()
  const server = createServer({ allowHalfOpen: true }, (client) => {
    track(client)
    connect().then(
      (inside) => {
        track(inside)
        pipeline(client, inside, () => {})
        pipeline(inside, client, () => {})
      },
      // Nobody answers in the guest: the client sees its connection reset, as it would there.
      () => client.resetAndDestroy(),
    )
  })
  const track = (stream: Duplex) => {
    open.add(stream)
    stream.on('error', () => {}).once('close', () => open.delete(stream))
  }
  // A connection that cannot be accepted for lack of descriptors must not end the others.
  server.on('error', () => {})
  const port = await pRetry(() => listen(server), { retries: ATTEMPTS, minTimeout: 0 }).catch((cause: unknown) => {
    throw new NetworkError(`No port on 127.0.0.1 is available: ${messageOf(cause)}`, { cause })
  })
  return {
    protocol: 'tcp',
    host: '127.0.0.1',
    port,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const stream of open) stream.destroy()
      }),
  }
}

async function listen(server: Server): Promise<number> {
  const port = await getPort({ host: '127.0.0.1' })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      resolve()
    })
  })
  return port
}
