import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { Duplex } from 'node:stream'
import { frame, Frames } from './datagrams.ts'

/** Bytes that may wait for a slow reader; further datagrams are dropped. */
const MOST_WAITING = 4 * 1024 * 1024
const SWITCHED = 'HTTP/1.1 101 Datagrams\r\nConnection: Upgrade\r\nUpgrade: udp\r\n\r\n'

/** Sends a stream's datagrams from a separate port, and passes back the replies, until the stream ends. */
export function relayDatagrams(owner: Duplex, address: string, port: number): void {
  const socket = createSocket(isIPv6(address) ? 'udp6' : 'udp4')
  const frames = new Frames()
  let isOver = false
  const over = () => {
    if (isOver) return
    isOver = true
    socket.close()
    owner.destroy()
  }
  owner.on('end', over).on('error', over).on('close', over)
  // E.g. ECONNREFUSED when the guest has nothing on that port: a loss like any other to UDP.
  socket.on('error', () => {})
  socket.on('message', (datagram) => {
    if (owner.writableLength < MOST_WAITING) owner.write(frame(datagram))
  })
  socket.connect(port, address, (error?: Error) => {
    if (error) return void owner.end(`HTTP/1.1 502 ${error.message}\r\n\r\n`)
    owner.write(SWITCHED)
    owner.on('data', (chunk: Buffer) => {
      for (const datagram of frames.read(chunk)) socket.send(datagram, () => {})
    })
  })
}
