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

/** Another process may take the port between get-port's check and our bind. */
const ATTEMPTS = 5

/**
 * Listens on a free port of 127.0.0.1 and passes every connection to `connect`.
 * @throws NetworkError when no port is free.
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
      // Nothing answers in the guest: the client's connection is reset, as it would be there.
      () => client.resetAndDestroy(),
    )
  })
  const track = (stream: Duplex) => {
    open.add(stream)
    stream.on('error', () => {}).once('close', () => open.delete(stream))
  }
  // Running out of descriptors for one connection must not end the others.
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
