import { createSocket, type RemoteInfo } from 'node:dgram'
import { once } from 'node:events'
import { NetworkError } from '../../errors.ts'
import { messageOf } from '../../host/message-of.ts'
import type { Datagrams } from '../../network/udp/dial-datagrams.ts'
import type { Forward } from './forward.ts'

/** One client, identified by the port that it sends from. */
interface Flow {
  readonly datagrams: Promise<Datagrams>
  lastAt: number
}

/** Simultaneous clients; another one replaces the one that was silent longest. */
const MOST_FLOWS = 100
/** Milliseconds without datagrams after which a client is forgotten, as in routers (RFC 4787, REQ-5). */
const SILENCE = 300_000
const LOOK_EVERY = 30_000

type Open = (onDatagram: (datagram: Buffer) => void) => Promise<Datagrams>

/** Forwards a free port of 127.0.0.1; each client gets its own port on the network. @throws NetworkError when no port is free */
export async function forwardUdp(open: Open): Promise<Forward> {
  const flows = new Map<string, Flow>()
  const socket = createSocket('udp4')
  const end = (client: string) => {
    flows.get(client)?.datagrams.then(
      (datagrams) => datagrams.close(),
      () => {},
    )
    flows.delete(client)
  }
  const begin = ({ address, port }: RemoteInfo): Flow => {
    // The map is in the order of the last datagrams.
    const [oldest] = flows.keys()
    if (flows.size >= MOST_FLOWS && oldest !== undefined) end(oldest)
    const flow: Flow = {
      datagrams: open((datagram) => {
        flow.lastAt = performance.now()
        socket.send(datagram, port, address, () => {})
      }),
      lastAt: 0,
    }
    return flow
  }
  const onMessage = (datagram: Buffer, from: RemoteInfo) => {
    const client = `${from.address}:${from.port}`
    const flow = flows.get(client) ?? begin(from)
    flow.lastAt = performance.now()
    flows.delete(client)
    flows.set(client, flow)
    flow.datagrams.then(
      (datagrams) => datagrams.send(datagram),
      // The guest may be off; the next datagram tries again.
      () => flows.delete(client),
    )
  }
  try {
    socket.bind(0, '127.0.0.1')
    await once(socket, 'listening')
  } catch (cause) {
    throw new NetworkError(`No UDP port on 127.0.0.1 is available: ${messageOf(cause)}`, { cause })
  }
  socket.on('error', () => {}).on('message', onMessage)
  const timer = setInterval(() => {
    for (const [client, { lastAt }] of flows) if (performance.now() - lastAt > SILENCE) end(client)
  }, LOOK_EVERY).unref()
  const { port } = socket.address()
  let closing: Promise<void> | undefined
  const close = async () => {
    clearInterval(timer)
    for (const client of flows.keys()) end(client)
    await new Promise<void>((resolve) => socket.close(resolve))
  }
  return { protocol: 'udp', host: '127.0.0.1', port, [Symbol.asyncDispose]: () => (closing ??= close()) }
}
