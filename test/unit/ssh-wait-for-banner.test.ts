import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { afterEach, expect, test } from 'vitest'
import { waitForBanner, type Dial } from '../../src/ssh/wait-for-banner.ts'

const servers: Server[] = []
const dialed: Socket[] = []
const accepted: Socket[] = []

async function listen(onConnection: (socket: Socket) => void): Promise<number> {
  const server = createServer((socket) => {
    accepted.push(socket.on('error', () => {}))
    onConnection(socket)
  })
  servers.push(server)
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return (server.address() as AddressInfo).port
}

/** Dials the ports in turn, and then always the last one. */
function dialing(ports: number[]): Dial {
  let next = 0
  return async (_port, signal) => {
    const socket = connect({ port: ports[Math.min(next++, ports.length - 1)] ?? 0, host: '127.0.0.1' })
    dialed.push(socket)
    await once(socket, 'connect', { signal })
    return socket
  }
}

const saysNothing = () => listen(() => {})
const closesAtOnce = () => listen((socket) => socket.end())
const speaksHttp = () => listen((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'))
const sshd = () => listen((socket) => socket.write('SSH-2.0-OpenSSH_9.2p1\r\n'))

async function refuses(): Promise<number> {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((closed) => server.close(closed))
  return port
}

afterEach(async () => {
  for (const socket of [...dialed.splice(0), ...accepted.splice(0)]) socket.destroy()
  await Promise.all(servers.splice(0).map((server) => new Promise((closed) => server.close(closed))))
})

test('continues until a server sends its banner, and leaves no other socket open', async () => {
  const ports = [await refuses(), await closesAtOnce(), await speaksHttp(), await saysNothing(), await sshd()]
  const socket = await waitForBanner(dialing(ports), AbortSignal.timeout(15_000))
  const [greeting] = (await once(socket.resume(), 'data')) as [Buffer]
  expect(greeting.toString()).toBe('SSH-2.0-OpenSSH_9.2p1\r\n')
  expect(dialed).toHaveLength(5)
  expect(dialed.filter(({ destroyed }) => !destroyed)).toEqual([socket])
})

test('dials port 22', async () => {
  const port = await sshd()
  const asked: number[] = []
  await waitForBanner((wanted, signal) => {
    asked.push(wanted)
    return dialing([port])(wanted, signal)
  }, AbortSignal.timeout(15_000))
  expect(asked).toEqual([22])
})

test('reads a banner that comes in pieces, after other lines', async () => {
  const port = await listen((socket) => {
    ;['welcome\r\nSS', 'H-2', '.0-x\r\n'].forEach((piece, index) => setTimeout(() => socket.write(piece), 50 * index))
  })
  const socket = await waitForBanner(dialing([port]), AbortSignal.timeout(15_000))
  let text = ''
  for await (const chunk of socket) if ((text += String(chunk)).endsWith('-x\r\n')) break
  expect(text).toBe('welcome\r\nSSH-2.0-x\r\n')
})

test('gives up an unanswered dial after a second', async () => {
  const port = await sshd()
  let tries = 0
  const before = performance.now()
  const unanswered: Dial = async (_port, signal) => {
    tries++
    if (tries === 1) await once(new EventTarget(), 'never', { signal })
    return dialing([port])(22, signal)
  }
  await waitForBanner(unanswered, AbortSignal.timeout(15_000))
  expect(performance.now() - before).toBeGreaterThan(900)
  expect(performance.now() - before).toBeLessThan(6000)
})

test.each([
  ['nobody listens', refuses],
  ['nobody speaks', saysNothing],
])("ends with the signal's reason, at once, when %s", async (_name, server) => {
  const controller = new AbortController()
  const reason = new Error('the guest has gone')
  const waiting = waitForBanner(dialing([await server()]), controller.signal)
  setTimeout(() => controller.abort(reason), 300)
  const before = performance.now()
  await expect(waiting).rejects.toBe(reason)
  // Earlier than a silent server is given up.
  expect(performance.now() - before).toBeLessThan(3000)
  expect(dialed.every(({ destroyed }) => destroyed)).toBe(true)
})

test('does not begin if the signal has already aborted', async () => {
  const reason = new Error('too late')
  await expect(waitForBanner(dialing([await sshd()]), AbortSignal.abort(reason))).rejects.toBe(reason)
  expect(dialed).toEqual([])
})

test('survives a reset of the socket while it is handed over', async () => {
  const port = await sshd()
  const socket = await waitForBanner(dialing([port]), AbortSignal.timeout(15_000))
  const closed = new Promise((resolve) => socket.on('close', resolve))
  accepted.at(-1)?.resetAndDestroy()
  socket.resume()
  await closed
})
