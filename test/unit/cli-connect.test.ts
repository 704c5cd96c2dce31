import { once } from 'node:events'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import { runCli } from './support/node.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))
const KEEPER = fileURLToPath(new URL('../../src/network/keeper/keeper.ts', import.meta.url))

/** A real keeper, in this namespace, so that it dials 127.0.0.1. */
async function startKeeper(): Promise<string> {
  const folder = join(temporaryFolder(), 'state')
  const keeper = execa(process.execPath, [KEEPER, folder], { stdin: 'pipe', reject: false })
  onTestFinished(async () => {
    keeper.stdin.end()
    await keeper
  })
  await once(createInterface(keeper.stdout), 'line')
  return join(folder, 'keeper.sock')
}

async function listen(onConnection: (socket: Socket) => void): Promise<number> {
  const server: Server = createServer(onConnection)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

test('what the server sends first and every later byte arrives; when it ends, so does the command', async () => {
  const port = await listen((socket) => {
    socket.write('SSH-2.0-test\r\n')
    socket.pipe(socket)
  })
  const socketPath = await startKeeper()
  const bytes = Buffer.alloc(300_000, 'abcdefghijk\0\xff', 'latin1')
  const { stdout, exitCode } = await execa(process.execPath, [MAIN, 'connect', socketPath, '127.0.0.1', `${port}`], {
    input: bytes,
    encoding: 'buffer',
    reject: false,
  })
  expect(exitCode).toBe(0)
  expect(Buffer.from(stdout).equals(Buffer.concat([Buffer.from('SSH-2.0-test\r\n'), bytes]))).toBe(true)
})

test('it ends when the server hangs up, although its input is open', async () => {
  const port = await listen((socket) => void socket.end('bye\n'))
  const command = [MAIN, 'connect', await startKeeper(), '127.0.0.1', `${port}`]
  const child = execa(process.execPath, command, { stdin: 'pipe', reject: false, timeout: 10_000 })
  expect(await child).toMatchObject({ exitCode: 0, stdout: 'bye' })
})

test('a refused connection is one line and exit code 1', async () => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  const { exitCode, stdout, stderr } = await runCli(['connect', await startKeeper(), '127.0.0.1', `${port}`])
  expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' })
  expect(stderr).toMatch(new RegExp(`^vitest-guest: Nothing answers at 127\\.0\\.0\\.1:${port}: .*ECONNREFUSED.*$`))
})

test('a missing keeper is one line and exit code 1', async () => {
  const { exitCode, stderr } = await runCli(['connect', '/nowhere/keeper.sock', '127.0.0.1', '22'])
  expect(exitCode).toBe(1)
  expect(stderr).toMatch(/^vitest-guest: The network's keeper cannot be reached: .*ENOENT.*$/)
})
