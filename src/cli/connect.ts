import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { NetworkError } from '../errors.ts'
import { messageOf } from '../host/message-of.ts'
import { dialThrough } from '../network/keeper/dial.ts'
import { type Command, UsageError } from './command.ts'

export default {
  help: `Usage: vitest-guest connect SOCKET HOST PORT

Connects standard input and output to HOST:PORT inside the network behind SOCKET, the keeper's UNIX socket
(network.socketPath). Made for OpenSSH:

  ssh -o ProxyCommand='npx vitest-guest connect SOCKET %h %p' root@192.168.100.224

Exit code: 0 when the connection was closed, 1 when it failed or broke.
`,
  async run(args) {
    const [socketPath, host, port, ...rest] = parseArgs({ args, allowPositionals: true }).positionals
    if (socketPath === undefined || host === undefined || port === undefined || rest.length > 0) {
      throw new UsageError('usage: connect SOCKET HOST PORT')
    }
    if (!/^\d{1,5}$/.test(port)) throw new UsageError(`PORT must be a number; got ${port}`)
    const connection = await dialThrough(socketPath, host, Number(port))
    // The reader of our output may exit first.
    process.stdout.on('error', () => connection.destroy())
    process.stdin.pipe(connection).pipe(process.stdout)
    try {
      await once(connection, 'close')
      return 0
    } catch (cause) {
      throw new NetworkError(`The connection to ${host}:${port} broke: ${messageOf(cause)}`, { cause })
    } finally {
      // Otherwise it keeps the process alive.
      process.stdin.destroy()
    }
  },
} satisfies Command
