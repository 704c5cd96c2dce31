import { NetworkError } from '../../errors.ts'
import { askKeeper, hostPort } from '../keeper/ask-keeper.ts'
import { frame, Frames } from './datagrams.ts'

/** An exchange of datagrams with a port on the network; delivery is not guaranteed. */
export interface Datagrams {
  send(datagram: Uint8Array): void
  close(): void
}

/** Bytes that may wait for a slow keeper; further datagrams are dropped. */
const MOST_WAITING = 4 * 1024 * 1024

/** @throws NetworkError when the network's keeper is gone */
export async function dialDatagrams(
  socketPath: string,
  address: string,
  port: number,
  onDatagram: (datagram: Buffer) => void,
): Promise<Datagrams> {
  const where = hostPort(address, port)
  const headers = { Connection: 'Upgrade', Upgrade: 'udp' }
  const { response, socket, head } = await askKeeper(socketPath, { path: `/${where}`, headers })
  if (response.statusCode !== 101) {
    socket.destroy()
    throw new NetworkError(`No datagrams can be sent to ${where}: ${response.statusMessage}`)
  }
  const frames = new Frames()
  const onData = (chunk: Buffer) => frames.read(chunk).forEach(onDatagram)
  onData(head)
  socket.on('error', () => {}).on('data', onData)
  return {
    send: (datagram) => {
      if (socket.writable && socket.writableLength < MOST_WAITING) socket.write(frame(datagram))
    },
    close: () => socket.destroy(),
  }
}
