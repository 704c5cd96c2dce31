import { createSocket } from 'node:dgram'
import { isIPv6 } from 'node:net'
import type { Duplex } from 'node:stream'
import { frame, Frames } from './datagrams.ts'

/** Bytes that wait for a reader who is slow; datagrams beyond are lost, as they are on any way. */
const MOST_WAITING = 4 * 1024 * 1024
const SWITCHED = 'HTTP/1.1 101 Datagrams\r\nConnection: Upgrade\r\nUpgrade: udp\r\n\r\n'

/** Sends the datagrams that come through a stream from a port of its own, and passes back what is answered there, until the stream ends. */
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
  // ECONNREFUSED, for one: nobody has that port in the guest. To UDP that is a loss like any other.
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
