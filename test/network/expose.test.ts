import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { createServer } from 'node:net'
import { readdirSync } from 'node:fs'
import { buffer, text } from 'node:stream/consumers'
import { Worker } from 'node:worker_threads'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { GuestError, NetworkError } from '../../src/errors.ts'
import type { Network } from '../../src/network/network.ts'
import { openNetwork } from '../../src/network/open-network.ts'
import { CERTIFICATE } from '../support/certificate.ts'

let network: Network

beforeAll(async () => {
  network = await openNetwork()
})
afterAll(() => network[Symbol.asyncDispose]())

/** From inside the network, with curl. */
async function get(url: string): Promise<string> {
  const [file, ...args] = network.inside(['curl', '-sSk', '--max-time', '20', url])
  return (await execa(file, args)).stdout
}

test('an HTTP server that listens nowhere else, a request listener, and an HTTPS server', async () => {
  const server = createHttpServer((request, response) => response.end(`server ${request.url}`))
  await using one = await network.expose(8080, server)
  expect(one).toMatchObject({ address: '192.168.100.50', port: 8080, url: 'http://192.168.100.50:8080' })
  expect(await get(`${one.url}/path`)).toBe('server /path')
  await using two = await network.expose(80, (_request, response) => response.end('listener'))
  expect(await get('http://192.168.100.50')).toBe('listener')
  expect(two.url).toBe('http://192.168.100.50:80')
  await using three = await network.expose(
    443,
    createTlsServer(CERTIFICATE, (_request, response) => response.end('tls')),
  )
  expect(three.url).toBe('https://192.168.100.50:443')
  expect(await get(three.url)).toBe('tls')
})

test('a TCP server gets every byte, and may answer after its client has finished', async () => {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    void buffer(socket).then((bytes) => socket.end(`got ${bytes.length}`))
  })
  await using exposed = await network.expose(9000, server)
  const socket = await network.dial(exposed.address, exposed.port)
  socket.end(Buffer.alloc(1_000_000, 'x'))
  expect(await text(socket)).toBe('got 1000000')
})

test('a port in use is an error; it is free again once its server is closed', async () => {
  const before = readdirSync(network.stateFolder)
  const first = await network.expose(8080, () => {})
  const error: unknown = await network.expose(8080, () => {}).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(NetworkError)
  expect((error as Error).message).toMatch(/^The network cannot listen there: .*EADDRINUSE.* 192\.168\.100\.50:8080\n/)
  expect((error as NetworkError).hint).toContain('Use another port')
  const socket = await network.dial(first.address, 8080)
  const closed = once(socket.on('error', () => {}).resume(), 'close')
  await first[Symbol.asyncDispose]()
  await first[Symbol.asyncDispose]()
  await closed
  await expect(network.dial(first.address, 8080)).rejects.toThrow(/ECONNREFUSED/)
  await (await network.expose(8080, () => {}))[Symbol.asyncDispose]()
  expect(readdirSync(network.stateFolder)).toEqual(before)
  await expect(network.expose(70_000, () => {})).rejects.toThrow(GuestError)
})

test('a worker thread can expose a server, which ends with the thread', async () => {
  const module = JSON.stringify(new URL('../../src/network/keeper/expose.ts', import.meta.url).href)
  const { gateway: address, stateFolder, socketPath } = network
  const keeper = JSON.stringify({ folder: stateFolder, socketPath })
  const program = `
    import { parentPort } from 'node:worker_threads'
    import { expose } from ${module}
    await expose(${keeper}, '${address}', 8081, (_request, response) => response.end('from a thread'))
    parentPort.postMessage('ready')`
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(program)}`))
  await once(worker, 'message')
  expect(await get('http://192.168.100.50:8081')).toBe('from a thread')
  await worker.terminate()
  await expect.poll(() => network.dial(address, 8081).catch((error: Error) => error.message)).toContain('ECONNREFUSED')
})
