/**
 * The program that holds a private network: process 1 of a PID namespace, inside a network namespace of its own.
 *
 * It lives as long as its standard input is open, that is, as long as the process that started it, however that one
 * ends. When it goes, the kernel kills whatever else runs in the PID namespace (QEMU, dnsmasq), and the network
 * namespace vanishes with its bridge and TAPs. Before it goes it removes the state folder, which it makes itself so
 * that there is no moment in which the folder exists and nobody is bound to remove it.
 *
 * It also dials for those outside: an HTTP server on a UNIX path socket that answers CONNECT. Path sockets cross
 * network namespaces; abstract ones do not. And it listens for them: `Upgrade: listen` on /ADDRESS:PORT/NAME passes what
 * connects to ADDRESS:PORT on to the UNIX socket NAME in the state folder, until the connection that asked for it ends.
 */
import { mkdirSync, rmSync, writeSync } from 'node:fs'
import { createServer } from 'node:http'
import { connect, createServer as createListener } from 'node:net'
import { join } from 'node:path'
import { type Duplex, pipeline } from 'node:stream'

const [folder = ''] = process.argv.slice(2)
mkdirSync(folder, { mode: 0o700 })

function leave(): void {
  // The caller's last program, a seed being written, may still be putting a file into it.
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 20 })
  process.exit(0)
}

process.stdin.on('end', leave).on('error', leave).resume()
// Process 1 ignores every signal it has no handler for.
process.on('SIGTERM', leave)
// A caller that died while we started is met first as EPIPE, from the line that tells it we are there.
process.on('uncaughtException', leave)

const server = createServer((_request, response) => response.writeHead(405).end('CONNECT only\n'))

server.on('connect', ({ url = '' }, client: Duplex, head: Buffer) => {
  const { hostname, port } = new URL(`tcp://${url}`)
  // Either side may end first and still be answered.
  const upstream = connect({
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port),
    noDelay: true,
    allowHalfOpen: true,
  })
  const giveUp = () => upstream.destroy()
  const refuse = ({ message }: Error) => client.end(`HTTP/1.1 502 ${message}\r\n\r\n`)
  client.once('close', giveUp).on('error', giveUp)
  upstream.once('error', refuse)
  upstream.once('connect', () => {
    client.off('close', giveUp)
    upstream.off('error', refuse)
    client.write('HTTP/1.1 200 Connection established\r\n\r\n')
    upstream.write(head)
    relay(client, upstream)
  })
})

server.on('upgrade', ({ url = '' }, owner: Duplex) => {
  const { hostname, port, pathname } = new URL(`tcp:/${url}`)
  const listener = createListener({ noDelay: true, allowHalfOpen: true }, (inside) => {
    relay(inside, connect({ path: join(folder, pathname), allowHalfOpen: true }))
  })
  const over = () => {
    listener.close()
    owner.destroy()
  }
  owner.on('end', over).on('error', over).resume()
  listener.on('error', ({ message }) => owner.end(`HTTP/1.1 502 ${message}\r\n\r\n`))
  listener.listen(Number(port), hostname, () => {
    owner.write('HTTP/1.1 101 Listening\r\nConnection: Upgrade\r\nUpgrade: listen\r\n\r\n')
  })
})

/** A direction that breaks takes the other along; one that ends lets the other finish. */
function relay(one: Duplex, other: Duplex): void {
  pipeline(one, other, () => {})
  pipeline(other, one, () => {})
}

server.listen(join(folder, 'keeper.sock'), () => writeSync(1, 'ready\n'))
