import { isIPv6 } from 'node:net'
import type { Duplex } from 'node:stream'
import { NetworkError } from '../../errors.ts'
import { request } from '../../host/http.ts'
import { frame, Frames } from './datagrams.ts'

/** Datagrams between a port of the network and us. Nobody can tell whether they arrive. */
export interface Datagrams {
  send(datagram: Uint8Array): void
  close(): void
}

/** Bytes that wait for a keeper who is slow; datagrams beyond are lost. */
const MOST_WAITING = 4 * 1024 * 1024

/** @throws NetworkError when the network's keeper is gone */
export function dialDatagrams(
  socketPath: string,
  address: string,
  port: number,
  onDatagram: (datagram: Buffer) => void,
): Promise<Datagrams> {
  return new Promise((resolve, reject) => {
    const path = `/${isIPv6(address) ? `[${address}]` : address}:${port}`
    const asking = request({ socketPath, path, agent: false, headers: { Connection: 'Upgrade', Upgrade: 'udp' } })
    asking.once('upgrade', (_response, stream: Duplex, head: Buffer) => {
      const frames = new Frames()
      const onData = (chunk: Buffer) => frames.read(chunk).forEach(onDatagram)
      onData(head)
      stream.on('error', () => {}).on('data', onData)
      resolve({
        send: (datagram) => {
          if (stream.writable && stream.writableLength < MOST_WAITING) stream.write(frame(datagram))
        },
        close: () => stream.destroy(),
      })
    })
    asking.once('response', ({ statusMessage = '', socket }) => {
      socket.destroy()
      reject(new NetworkError(`No datagrams can be sent to ${path.slice(1)}: ${statusMessage}`))
    })
    asking.once('error', (cause) => {
      reject(new NetworkError(`The network's keeper cannot be reached: ${cause.message}`, { cause }))
    })
    asking.end()
  })
}
