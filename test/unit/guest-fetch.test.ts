import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { connect, type AddressInfo, type Server } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { GuestError, NetworkError } from '../../src/errors.ts'
import { guestHttp } from '../../src/guest/connection/fetch.ts'
import { CERTIFICATE } from '../support/certificate.ts'

const NAMES = { hostname: 'Web', address: '192.168.100.224' }

/** Leads every port of "the guest" to one server, and counts the connections. */
async function fetchFrom(server: Server) {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const dialed: number[] = []
  const http = guestHttp({
    ...NAMES,
    connect: async (port) => {
      dialed.push(port)
      const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
      await once(socket, 'connect')
      return socket
    },
  })
  onTestFinished(async () => {
    await http.hangUp()
    server.close()
  })
  return { http, dialed }
}

const echo: RequestListener = (request, response) => {
  const { method, url, headers } = request
  request
    .setEncoding('utf8')
    .on('data', (body: string) => response.end(JSON.stringify({ method, url, host: headers.host, body })))
}

test('a request arrives unchanged, and the connection is reused', async () => {
  const { http, dialed } = await fetchFrom(createServer(echo))
  const post = async (url: string) => (await http.fetch(url, { method: 'POST', body: 'hello' })).json()
  expect(await post('http://guest:8080/a?b=c')).toEqual({
    method: 'POST',
    url: '/a?b=c',
    host: 'guest:8080',
    body: 'hello',
  })
  // The connection becomes free a moment after its answer was read.
  await turn()
  await post('http://guest:8080/')
  expect(dialed).toEqual([8080])
  await post('http://web/')
  await post('http://192.168.100.224/')
  expect(dialed).toEqual([8080, 80, 80])
})

test('after hanging up, requests open new connections', async () => {
  const { http, dialed } = await fetchFrom(createServer((_request, response) => response.end('hi')))
  await (await http.fetch('http://guest/')).text()
  await http.hangUp()
  expect(await (await http.fetch('http://guest/')).text()).toBe('hi')
  expect(dialed).toEqual([80, 80])
})

test("https accepts a guest's self-signed certificate", async () => {
  const { http, dialed } = await fetchFrom(createTlsServer(CERTIFICATE, (_request, response) => response.end('secret')))
  expect(await (await http.fetch('https://guest/')).text()).toBe('secret')
  expect(dialed).toEqual([443])
})

test.for([
  ['http://example.com/', "'example.com' is not this guest"],
  ['/path', "fetch needs an http: or https: URL; got '/path'"],
  ['ftp://guest/', "fetch needs an http: or https: URL; got 'ftp://guest/'"],
] as const)('%s is refused', async ([url, message]) => {
  const { http } = await fetchFrom(createServer())
  const error: unknown = await http.fetch(url).catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(GuestError)
  expect((error as Error).message).toContain(message)
  expect((error as GuestError).hint).toContain('http://guest:8080/')
})

test('no server, or one that hangs up, is a NetworkError; an abort rejects with its reason', async () => {
  const nobody = new NetworkError('Nothing answers at 192.168.100.224:81: connect ECONNREFUSED')
  const http = guestHttp({ ...NAMES, connect: () => Promise.reject(nobody) })
  const error: unknown = await http.fetch('http://guest:81/').catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(NetworkError)
  expect(error).toMatchObject({ cause: nobody, hint: expect.stringContaining('ss -tlnp') as string })
  expect((error as Error).message).toContain('GET http://guest:81/: Nothing answers at 192.168.100.224:81')

  const { http: broken } = await fetchFrom(createServer((request) => request.socket.destroy()))
  await expect(broken.fetch('http://guest/')).rejects.toThrow(NetworkError)

  const { http: silent } = await fetchFrom(createServer(() => {}))
  const reason = new Error('enough')
  await expect(silent.fetch('http://guest/', { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
})

test('a redirect to another host is refused; one within the guest is followed', async () => {
  const server = createServer(({ url }, response) => {
    if (url === '/there') response.end('there')
    else
      response
        .writeHead(302, { location: url === '/out' ? 'http://elsewhere.example:8081/' : 'http://guest:8081/there' })
        .end()
  })
  const { http, dialed } = await fetchFrom(server)
  const refusal: unknown = await http.fetch('http://guest:8080/out').catch((error: unknown) => error)
  expect(refusal).toBeInstanceOf(GuestError)
  expect(refusal).not.toBeInstanceOf(NetworkError)
  expect((refusal as Error).message).toBe(
    "'elsewhere.example' is not this guest\nWith redirect: 'manual' the redirect itself is returned.",
  )
  expect(dialed).toEqual([8080])
  expect(await (await http.fetch('http://guest:8080/in')).text()).toBe('there')
})
