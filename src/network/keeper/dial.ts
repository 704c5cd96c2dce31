import { isIPv6 } from 'node:net'
import type { Duplex } from 'node:stream'
import { NetworkError, withFrames } from '../../errors.ts'
import { request } from '../../host/http.ts'
import { requirePort } from '../../options/port.ts'

/** Connects by HTTP CONNECT. @throws GuestError for what is no port; NetworkError when nothing answers there; the signal's reason */
export async function dialThrough(
  socketPath: string,
  address: string,
  port: number,
  signal?: AbortSignal,
): Promise<Duplex> {
  requirePort(port, 'connect(8080)')
  const dialing = new Promise<Duplex>((resolve, reject) => {
    const where = `${isIPv6(address) ? `[${address}]` : address}:${port}`
    const connecting = request({ socketPath, method: 'CONNECT', path: where, signal, agent: false })
    connecting.once('connect', ({ statusCode, statusMessage }, socket: Duplex, head: Buffer) => {
      if (statusCode === 200) {
        if (head.length > 0) socket.unshift(head)
        resolve(socket)
      } else {
        socket.destroy()
        reject(new NetworkError(`Nothing answers at ${where}: ${statusMessage ?? statusCode}`))
      }
    })
    connecting.once('error', (cause) => {
      reject(
        signal?.aborted
          ? (signal.reason as Error)
          : new NetworkError(`The network's keeper cannot be reached: ${cause.message}`, { cause }),
      )
    })
    connecting.end()
  })
  try {
    return await dialing
  } catch (error) {
    throw withFrames(error)
  }
}
