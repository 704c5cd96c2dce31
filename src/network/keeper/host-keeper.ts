import type { Server } from 'node:http'
import { text } from 'node:stream/consumers'
import { HostError } from '../../errors.ts'
import { ipAs, takeDown } from '../host/take-down.ts'

/**
 * Only the keeper runs `ip` for a `host` network, one batch after the other, so that nothing is being created while it takes everything
 * down. `POST /` runs the lines of its body. @returns a function that takes the network down, according to its record
 */
export function holdHost(server: Server, [record = '', ...admin]: readonly string[]): () => Promise<void> {
  const ip = ipAs(admin)
  let last: Promise<unknown> = Promise.resolve()
  let isOver = false
  const batch = (commands: string) => {
    const done = last.then(() => {
      if (isOver) throw new Error('The network is being taken down')
      return ip(['-batch', '-'], commands)
    })
    last = done.catch(() => {})
    return done
  }
  server.removeAllListeners('request')
  server.on('request', (request, response) => {
    text(request)
      .then(batch)
      .then(
        () => response.end(),
        (error: Error) => response.writeHead(500).end((error instanceof HostError && error.stderr) || error.message),
      )
  })
  return async () => {
    isOver = true
    await last
    await takeDown(record, ip)
  }
}
