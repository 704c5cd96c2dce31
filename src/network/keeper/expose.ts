import { randomBytes } from 'node:crypto'
import { EventEmitter, once } from 'node:events'
import type { RequestListener } from 'node:http'
import { createServer, type Server } from 'node:net'
import { join } from 'node:path'
import type { Duplex } from 'node:stream'
import { Server as TlsServer } from 'node:tls'
import { NetworkError } from '../../errors.ts'
import { createServer as createHttpServer } from '../../host/http.ts'
import { badOption } from '../../errors/bad-option.ts'
import { requirePort } from '../../options/port.ts'
import { askKeeper } from './ask-keeper.ts'
import type { Keeper } from './keeper-process.ts'

/** A server of this process that guests of the network can connect to. Disposing ends every connection to it, but not the server. */
export interface Exposed extends AsyncDisposable {
  /** The bridge's own address. */
  readonly address: string
  readonly port: number
  /** E.g. `http://192.168.100.50:8080`; with `https:` for a TLS server. */
  readonly url: string
}

/**
 * Makes the keeper listen on `address:port` and pass each connection to a UNIX socket of this process, which hands it to `server`. The
 * keeper listens until the connection that asked for it is closed. @throws NetworkError when the port is taken
 */
export async function expose(
  { folder, socketPath }: Pick<Keeper, 'folder' | 'socketPath'>,
  address: string,
  port: number,
  server: Server | RequestListener,
): Promise<Exposed> {
  requirePort(port, 'network.expose(8080, server)')
  if (typeof server !== 'function' && !(server instanceof EventEmitter)) {
    throw badOption('server', 'a Node.js server or a request listener', server, 'Write network.expose(8080, server).')
  }
  const target = typeof server === 'function' ? createHttpServer(server) : server
  const open = new Set<Duplex>()
  // Node's servers accept connections from elsewhere by this event, and know whether these may be half-open.
  const { allowHalfOpen = false } = target as { allowHalfOpen?: boolean }
  const relay = createServer({ allowHalfOpen }, (socket) => {
    open.add(socket)
    socket.on('error', () => {}).once('close', () => open.delete(socket))
    target.emit('connection', socket)
  })
  // Not longer than `keeper.sock`, which is known to fit.
  const name = `${randomBytes(3).toString('hex')}.sock`
  relay.listen(join(folder, name))
  await once(relay, 'listening')
  const close = () => {
    relay.close()
    for (const socket of open) socket.destroy()
  }
  try {
    const lease = await listenThere(socketPath, `/${address}:${port}/${name}`)
    const closed = once(lease, 'close')
    return {
      address,
      port,
      url: `${target instanceof TlsServer ? 'https' : 'http'}://${address}:${port}`,
      [Symbol.asyncDispose]: async () => {
        close()
        lease.end()
        await closed
      },
    }
  } catch (error) {
    close()
    throw error
  }
}

/** Returns the connection that keeps the keeper listening. */
async function listenThere(socketPath: string, path: string): Promise<Duplex> {
  const headers = { Connection: 'Upgrade', Upgrade: 'listen' }
  const { response, socket } = await askKeeper(socketPath, { path, headers })
  if (response.statusCode === 101) return socket.on('error', () => {}).resume()
  socket.destroy()
  const { statusMessage = '' } = response
  const isTaken = statusMessage.includes('EADDRINUSE')
  throw new NetworkError(`The network cannot listen there: ${statusMessage}`, {
    hint: isTaken ? 'Use another port, or dispose of what was exposed on this one.' : undefined,
  })
}
