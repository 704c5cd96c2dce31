/** What a machine on a network gets from each destination in its arguments: `tcp:HOST:PORT`, `udp:HOST:PORT`, `name:SERVER`. */
import { createSocket } from 'node:dgram'
import { Resolver } from 'node:dns/promises'
import { connect } from 'node:net'

const LIMIT = 6000

const attempts: Record<string, (host: string, port: number) => Promise<string>> = {
  tcp: (host, port) =>
    new Promise((resolve) => {
      const socket = connect({ host, port, timeout: LIMIT })
      const done = (result: string) => resolve((socket.destroy(), result))
      socket.on('connect', () => socket.write('GET / HTTP/1.0\r\n\r\n'))
      socket.on('data', (data) => done(data.toString().split('\r\n\r\n')[1] ?? ''))
      socket.on('timeout', () => done('timed out'))
      socket.on('error', ({ code }: NodeJS.ErrnoException) => done(code ?? ''))
    }),
  udp: (host, port) =>
    new Promise((resolve) => {
      const socket = createSocket('udp4')
      const done = (result: string) => resolve((socket.close(), clearTimeout(timer), result))
      const timer = setTimeout(() => done('timed out'), LIMIT)
      socket.on('message', (data) => done(data.toString()))
      socket.on('error', ({ code }: NodeJS.ErrnoException) => done(code ?? ''))
      socket.connect(port, host, () => socket.send('world'))
    }),
  name: async (host) => {
    const resolver = new Resolver({ timeout: LIMIT, tries: 1 })
    resolver.setServers([host])
    return resolver.resolve4('somewhere.test').then(String, ({ code }: NodeJS.ErrnoException) => code ?? '')
  },
}

const results = process.argv.slice(2).map(async (place) => {
  const [, kind = '', host = '', port] = /^(\w+):\[?([^\]]*?)\]?(?::(\d+))?$/.exec(place) ?? []
  return [place, await attempts[kind]?.(host, Number(port))]
})
console.log(JSON.stringify(Object.fromEntries(await Promise.all(results))))
