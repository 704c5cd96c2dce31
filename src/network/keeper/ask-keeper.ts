import type { IncomingMessage, RequestOptions } from 'node:http'
import { isIPv6 } from 'node:net'
import type { Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { NetworkError } from '../../errors.ts'
import { request } from '../../host/http.ts'

interface Answer {
  readonly response: IncomingMessage
  /** The connection itself, once the keeper has switched protocols. */
  readonly socket: Duplex
  readonly head: Buffer
}

/** Sends a request to a network's keeper. @throws NetworkError when it is gone; the signal's reason */
export function askKeeper(socketPath: string, options: RequestOptions, body?: string): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>()
  const asking = request({ socketPath, agent: false, ...options })
  const onSwitch = (response: IncomingMessage, socket: Duplex, head: Buffer) => resolve({ response, socket, head })
  asking.once('connect', onSwitch).once('upgrade', onSwitch)
  asking.once('response', (response) => resolve({ response, socket: response.socket, head: Buffer.alloc(0) }))
  asking.once('error', (cause) => {
    if (options.signal?.aborted) reject(options.signal.reason as Error)
    else reject(new NetworkError(`The network's keeper cannot be reached: ${cause.message}`, { cause }))
  })
  asking.end(body)
  return promise
}

/** Has the keeper of a `host` network run lines of ip(8). @throws NetworkError with ip's words in `stderr` */
export async function askForIp(socketPath: string, commands: string, signal?: AbortSignal): Promise<void> {
  const { response } = await askKeeper(socketPath, { method: 'POST', path: '/', signal }, commands)
  const stderr = await text(response)
  if (response.statusCode !== 200) throw new NetworkError('ip failed', { stderr })
}

/** As in a URL. */
export function hostPort(address: string, port: number): string {
  return `${isIPv6(address) ? `[${address}]` : address}:${port}`
}
