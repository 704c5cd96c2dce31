import { once } from 'node:events'
import type { Server } from 'node:http'
import { connect, createServer as createListener, type Socket } from 'node:net'
import { join } from 'node:path'
import { type Duplex, pipeline } from 'node:stream'
import { createServer } from '../../host/http.ts'
import { relayDatagrams } from '../udp/relay-datagrams.ts'

/** Connects to a port on the network, or rejects with the reason; the signal means that the connection is no longer needed. */
export type DialAddress = (address: string, port: number, signal: AbortSignal) => Promise<Duplex>

/** From the namespace of this process. */
export async function dialDirectly(address: string, port: number, signal: AbortSignal): Promise<Socket> {
  // Either side may end first and still be answered.
  const socket = connect({ host: address, port, noDelay: true, allowHalfOpen: true })
  try {
    await once(socket, 'connect', { signal })
    return socket
  } catch (error) {
    socket.on('error', () => {}).destroy()
    throw error
  }
}

/**
 * Answers HTTP CONNECT by `dial`, `Upgrade: udp` on /ADDRESS:PORT by datagrams (datagrams.ts), and `Upgrade: listen` on /ADDRESS:PORT/NAME
 * by passing what connects there on to the UNIX socket NAME in `folder`, until the connection that asked for it ends.
 */
export function dialServer(folder: string, dial: DialAddress): Server {
  const server = createServer((_request, response) => response.writeHead(405).end('CONNECT only\n'))

  server.on('connect', ({ url = '' }, client: Duplex, head: Buffer) => {
    const asked = URL.parse(`tcp://${url}`)
    if (!asked) return void client.end('HTTP/1.1 400 no HOST:PORT\r\n\r\n')
    const { hostname, port } = asked
    const abandoned = new AbortController()
    const giveUp = () => abandoned.abort()
    client.once('close', giveUp).on('error', giveUp)
    dial(bare(hostname), Number(port), abandoned.signal).then(
      (upstream) => {
        client.off('close', giveUp)
        client.write('HTTP/1.1 200 Connection established\r\n\r\n')
        upstream.write(head)
        relay(client, upstream)
      },
      ({ message }: Error) => client.end(`HTTP/1.1 502 ${message}\r\n\r\n`),
    )
  })

  server.on('upgrade', ({ url = '', headers }, owner: Duplex) => {
    const asked = URL.parse(`tcp:/${url}`)
    if (!asked) return void owner.end('HTTP/1.1 400 no HOST:PORT/NAME\r\n\r\n')
    const { hostname, port, pathname } = asked
    if (headers.upgrade === 'udp') return relayDatagrams(owner, bare(hostname), Number(port))
    const listener = createListener({ noDelay: true, allowHalfOpen: true }, (inside) => {
      relay(inside, connect({ path: join(folder, pathname), allowHalfOpen: true }))
    })
    const over = () => {
      listener.close()
      owner.destroy()
    }
    owner.on('end', over).on('error', over).resume()
    listener.on('error', ({ message }) => owner.end(`HTTP/1.1 502 ${message}\r\n\r\n`))
    listener.listen(Number(port), hostname, () => {
      owner.write('HTTP/1.1 101 Listening\r\nConnection: Upgrade\r\nUpgrade: listen\r\n\r\n')
    })
  })
  return server
}

/** Without the brackets that an IPv6 address has in a URL. */
function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '')
}

/** An error in one direction ends both; the end of one lets the other finish. */
function relay(one: Duplex, other: Duplex): void {
  pipeline(one, other, () => {})
  pipeline(other, one, () => {})
}
