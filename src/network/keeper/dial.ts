import type { Duplex } from 'node:stream'
import { NetworkError, withFrames } from '../../errors.ts'
import { requirePort } from '../../options/port.ts'
import { askKeeper, hostPort } from './ask-keeper.ts'

/** Connects by HTTP CONNECT. @throws GuestError for an invalid port; NetworkError when nothing answers; the signal's reason */
export async function dialThrough(
  socketPath: string,
  address: string,
  port: number,
  signal?: AbortSignal,
): Promise<Duplex> {
  requirePort(port, 'connect(8080)')
  const path = hostPort(address, port)
  try {
    const { response, socket, head } = await askKeeper(socketPath, { method: 'CONNECT', path, signal })
    if (response.statusCode === 200) {
      if (head.length > 0) socket.unshift(head)
      return socket
    }
    socket.destroy()
    throw new NetworkError(`Nothing answers at ${path}: ${response.statusMessage ?? response.statusCode}`)
  } catch (error) {
    throw withFrames(error)
  }
}
