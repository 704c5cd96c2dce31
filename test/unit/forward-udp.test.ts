import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { forwardUdp } from '../../src/guest/connection/forward-udp.ts'
import { frame, Frames } from '../../src/network/udp/datagrams.ts'
import { dialDatagrams } from '../../src/network/udp/dial-datagrams.ts'
import { dialDirectly, dialServer } from '../../src/network/keeper/dial-server.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

/** Plays the guest: sends back what it gets, preceded by the sender's port. */
let echo: Socket
let socketPath: string
let closeKeeper: () => void

beforeAll(async () => {
  echo = createSocket('udp4')
  echo.on('message', (message, { port, address }) => {
    echo.send(Buffer.concat([Buffer.from(`${port} `), message]), port, address)
  })
  echo.bind(0, '127.0.0.1')
  await once(echo, 'listening')
})
afterAll(() => {
  echo.close()
})

async function openForward() {
  const folder = temporaryFolder()
  socketPath = join(folder, 'keeper.sock')
  const keeper = dialServer(folder, dialDirectly).listen(socketPath)
  await once(keeper, 'listening')
  closeKeeper = () => keeper.close()
  onTestFinished(() => closeKeeper())
  return forwardUdp((onDatagram) => dialDatagrams(socketPath, '127.0.0.1', echo.address().port, onDatagram))
}

async function client() {
  const socket = createSocket('udp4')
  onTestFinished(() => void socket.close())
  return {
    ask: async (port: number, question: Uint8Array): Promise<Buffer> => {
      const answer = once(socket, 'message')
      socket.send(question, port, '127.0.0.1')
      const [message] = (await answer) as [Buffer]
      return message
    },
  }
}

test('datagrams stay whole, however the stream is split', () => {
  const datagrams = ['', 'a', 'x'.repeat(65_507), 'end'].map((text) => Buffer.from(text))
  const bytes = Buffer.concat(datagrams.map(frame))
  for (const size of [1, 7, 1000, bytes.length]) {
    const frames = new Frames()
    const read: Buffer[] = []
    for (let at = 0; at < bytes.length; at += size) read.push(...frames.read(bytes.subarray(at, at + size)))
    expect(read.map(String)).toEqual(datagrams.map(String))
  }
})

test('each client has a separate port at the other end, and gets only its own answers', async () => {
  await using forwarded = await openForward()
  expect(forwarded).toMatchObject({ protocol: 'udp', host: '127.0.0.1', port: expect.any(Number) as number })
  const [one, other] = await Promise.all([client(), client()])
  const answers = await Promise.all([
    one.ask(forwarded.port, Buffer.from('one')),
    other.ask(forwarded.port, Buffer.from('other')),
  ])
  const [[onePort, said], [otherPort, otherSaid]] = answers.map((answer) => String(answer).split(' ')) as [
    string[],
    string[],
  ]
  expect([said, otherSaid]).toEqual(['one', 'other'])
  expect(onePort).not.toBe(otherPort)
  expect(String(await one.ask(forwarded.port, Buffer.from('again')))).toBe(`${onePort} again`)
})

test('large datagrams arrive whole, and so does an empty one', async () => {
  await using forwarded = await openForward()
  const asker = await client()
  const large = Buffer.alloc(60_000, 'large')
  expect((await asker.ask(forwarded.port, large)).subarray(-large.length).equals(large)).toBe(true)
  expect(String(await asker.ask(forwarded.port, Buffer.alloc(0)))).toMatch(/^\d+ $/)
})

test('with too many clients, those that were silent longest are forgotten', { timeout: 30_000 }, async () => {
  let open = 0
  await using forwarded = await forwardUdp(() => {
    open++
    return Promise.resolve({ send: () => {}, close: () => open-- })
  })
  const sockets = Array.from({ length: 130 }, () => createSocket('udp4'))
  for (const socket of sockets) {
    await new Promise((resolve) => socket.send('x', forwarded.port, '127.0.0.1', resolve))
    // The next one is received after this one.
    await new Promise(setImmediate)
  }
  await expect.poll(() => open).toBe(100)
  for (const socket of sockets) socket.close()
  await forwarded[Symbol.asyncDispose]()
  expect(open).toBe(0)
})

test('a keeper that is gone does not end this process, and disposing twice is fine', async () => {
  const forwarded = await openForward()
  const asker = await client()
  await asker.ask(forwarded.port, Buffer.from('x'))
  closeKeeper()
  const gone = createSocket('udp4')
  gone.send('x', forwarded.port, '127.0.0.1', () => gone.close())
  await forwarded[Symbol.asyncDispose]()
  await forwarded[Symbol.asyncDispose]()
})
