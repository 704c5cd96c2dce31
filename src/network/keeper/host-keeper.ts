import type { Server } from 'node:http'
import { text } from 'node:stream/consumers'
import { HostError } from '../../errors.ts'
import { turns } from '../../lifetime/turns.ts'
import { ipAs, takeDown } from '../host/take-down.ts'

/**
 * Only the keeper runs `ip` for a `host` network, one batch after the other, so that nothing is being created while it takes everything
 * down. `POST /` runs the lines of its body. @returns a function that takes the network down, according to its record
 */
export function holdHost(server: Server, [record = '', ...admin]: readonly string[]): () => Promise<void> {
  const ip = ipAs(admin)
  const inTurn = turns()
  let isOver = false
  const batch = (commands: string) =>
    inTurn(async () => {
      if (isOver) throw new Error('The network is being taken down')
      return await ip(['-batch', '-'], commands)
    })
  server.removeAllListeners('request')
  server.on('request', (request, response) => {
    text(request)
      .then(batch)
      .then(
        () => response.end(),
        (error: Error) => response.writeHead(500).end((error instanceof HostError && error.stderr) || error.message),
      )
  })
  return () => {
    isOver = true
    return inTurn(() => takeDown(record, ip))
  }
}
