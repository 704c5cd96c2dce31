import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { SshError } from '../../src/errors.ts'
import { makeCredentials } from '../../src/seed/credentials.ts'
import { connectSsh, type Login } from '../../src/ssh/connect.ts'
import { exec } from '../../src/ssh/command/exec.ts'
import { waitForBanner } from '../../src/ssh/wait-for-banner.ts'
import { startSshServer, type SshServer } from '../support/ssh-server.ts'

let server: SshServer
beforeAll(async () => {
  server = await startSshServer()
})
afterAll(() => server[Symbol.asyncDispose]())

const soon = () => AbortSignal.timeout(15_000)
const loginWith = (more: Partial<Login>): Login => ({
  user: 'root',
  hostPublicKey: server.credentials.hostPublicKey,
  ...more,
})

async function failure(socket: Socket, login: Login, signal = soon()): Promise<unknown> {
  const error = await connectSsh(socket, login, signal).catch((reason: unknown) => reason)
  expect(socket.destroyed).toBe(true)
  return error
}

describe('logs in', () => {
  test('by key', async () => {
    const client = await connectSsh(
      await server.dial(),
      loginWith({ privateKey: server.credentials.clientKey }),
      soon(),
    )
    await expect(exec(client, 'echo in')).resolves.toMatchObject({ stdout: 'in' })
    client.end()
  })

  test('by password', async () => {
    const client = await connectSsh(await server.dial(), loginWith({ password: 'correct horse' }), soon())
    client.end()
  })

  test('by password when the key is refused', async () => {
    const login = loginWith({ privateKey: makeCredentials().clientKey, password: 'correct horse' })
    const client = await connectSsh(await server.dial(), login, soon())
    client.end()
  })

  test('over a socket whose banner was read already', async () => {
    const socket = await waitForBanner(() => server.dial(), soon())
    const client = await connectSsh(socket, loginWith({ password: 'correct horse' }), soon())
    client.end()
  })
})

describe('refuses', () => {
  test('another host key than the pinned one, before logging in', async () => {
    const login = loginWith({ hostPublicKey: makeCredentials().hostPublicKey, password: 'correct horse' })
    const error = await failure(await server.dial(), login)
    expect(error).toBeInstanceOf(SshError)
    expect(error).toMatchObject({ phase: 'ssh handshake', hint: expect.any(String) as unknown })
    expect((error as Error).message).toMatch(/^The host key is not the one given to the guest\n/)
  })

  test('to go on when the login is refused', async () => {
    const error = await failure(await server.dial(), loginWith({ password: 'wrong' }))
    expect(error).toBeInstanceOf(SshError)
    expect(error).toMatchObject({
      phase: 'ssh authentication',
      hint: expect.stringContaining('sshd_config') as unknown,
    })
    expect((error as Error).message).toMatch(/^The guest refused the login of root \(tried: password\)\n/)
  })

  test('an invalid private key', async () => {
    const error = await failure(await server.dial(), loginWith({ privateKey: 'no key' }))
    expect(error).toBeInstanceOf(SshError)
    expect((error as Error).message).toMatch(/privateKey/)
  })
})

describe('a connection that ends', () => {
  test.each([
    ['before a banner', (socket: Socket) => socket.end()],
    ['after its banner', (socket: Socket) => socket.end('SSH-2.0-gone\r\n')],
    ['by a reset', (socket: Socket) => socket.once('data', () => socket.resetAndDestroy())],
    ['in nonsense', (socket: Socket) => socket.end('SSH-2.0-gone\r\n' + 'x'.repeat(400))],
  ])('%s is an SshError', async (_name, act) => {
    const bad = createServer((socket) => void act(socket.on('error', () => {})))
    await once(bad.listen(0, '127.0.0.1'), 'listening')
    const socket = connect((bad.address() as AddressInfo).port, '127.0.0.1')
    await once(socket, 'connect')
    const error = await failure(socket, loginWith({ password: 'correct horse' }))
    expect(error).toBeInstanceOf(SshError)
    expect(error).toMatchObject({ phase: 'ssh handshake' })
    bad.close()
  })

  test('later does not end the process', async () => {
    await using other = await startSshServer()
    const login = { ...loginWith({ password: 'correct horse' }), hostPublicKey: other.credentials.hostPublicKey }
    const socket = await other.dial()
    const client = await connectSsh(socket, login, soon())
    const closed = new Promise<void>((resolve) => client.on('close', () => resolve()))
    socket.destroy(new Error('cable pulled'))
    await closed
  })
})

describe('a signal', () => {
  test('ends it at once, with its reason', async () => {
    const silent = createServer()
    await once(silent.listen(0, '127.0.0.1'), 'listening')
    const socket = connect((silent.address() as AddressInfo).port, '127.0.0.1')
    await once(socket, 'connect')
    const controller = new AbortController()
    const reason = new Error('the guest has gone')
    setTimeout(() => controller.abort(reason), 100)
    expect(await failure(socket, loginWith({ password: 'x' }), controller.signal)).toBe(reason)
    silent.close()
  })

  test('that has already aborted prevents the start', async () => {
    const reason = new Error('too late')
    expect(await failure(await server.dial(), loginWith({}), AbortSignal.abort(reason))).toBe(reason)
  })
})
