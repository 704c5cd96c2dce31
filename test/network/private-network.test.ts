import { spawn } from 'node:child_process'
import { existsSync, statSync } from 'node:fs'
import { request } from 'node:http'
import { createInterface } from 'node:readline'
import { buffer } from 'node:stream/consumers'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
import { NetworkError } from '../../src/errors.ts'
import type { Network } from '../../src/network/network.ts'
import { openNetwork } from '../../src/network/open-network.ts'
import {
  leftoversAfter,
  networkNamespace,
  ownInterfaces,
  ownTemporaryFolder,
  residentsOf,
} from '../support/leftovers.ts'
import { LIMITS } from '../support/time-limits.ts'

interface Link {
  ifname: string
  flags: string[]
  master?: string
  addr_info: { local: string; prefixlen: number; broadcast?: string }[]
}

async function links(network: Network): Promise<Link[]> {
  const [file, ...args] = network.inside(['ip', '-json', 'address', 'show'])
  const { stdout } = await execa(file, args)
  return JSON.parse(stdout) as Link[]
}

/** A server inside the network that sends `greeting` to whoever connects. */
async function greeter(network: Network, greeting: string): Promise<number> {
  const program = `
    const server = require('node:net').createServer((socket) => socket.on('error', () => {}).end(process.argv[1]))
    server.listen(0, process.argv[2], () => console.log(server.address().port))`
  const [file, ...args] = network.inside([process.execPath, '-e', program, greeting, network.gateway])
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  return new Promise((resolve) => createInterface(child.stdout).once('line', (line) => resolve(Number(line))))
}

const GUEST = { hostname: 'guest', address: '192.168.100.224' }

test('the bridge has its address and broadcast, a TAP is on it, and both are up', async () => {
  await using network = await openNetwork()
  await using attachment = await network.attach(GUEST)
  const all = await links(network)
  const bridge = all.find(({ ifname }) => ifname === network.bridge)
  expect(bridge?.flags).toContain('UP')
  expect(bridge?.addr_info).toContainEqual(
    expect.objectContaining({ local: '192.168.100.50', prefixlen: 24, broadcast: '192.168.100.255' }),
  )
  expect(all.find(({ ifname }) => ifname === attachment.tap)).toMatchObject({
    master: network.bridge,
    flags: expect.arrayContaining(['UP']) as string[],
  })
  expect(network.attachments).toEqual([attachment])
  await attachment[Symbol.asyncDispose]()
  expect(network.attachments).toEqual([])
  expect((await links(network)).map(({ ifname }) => ifname)).not.toContain(attachment.tap)
})

test('two machines cannot share an address or a name, which are free again afterwards', async () => {
  await using network = await openNetwork()
  await using one = await network.attach(GUEST)
  await expect(network.attach({ ...GUEST, hostname: 'other' })).rejects.toThrow(
    /192\.168\.100\.224 is already used by guest guest/,
  )
  await expect(network.attach({ ...GUEST, address: '192.168.100.9' })).rejects.toThrow(
    /The name guest is already used by another/,
  )
  await one[Symbol.asyncDispose]()
  await using again = await network.attach(GUEST)
  expect(network.attachments).toEqual([again])
})

test('reserving takes the name and the address; the TAP joins the bridge later', async () => {
  await using network = await openNetwork()
  const reserving = network.reserve(GUEST)
  expect(network.members).toEqual([GUEST])
  await using attachment = await reserving
  const tap = async () => (await links(network)).find(({ ifname }) => ifname === attachment.tap)
  const apart = await tap()
  expect(apart?.flags).not.toContain('UP')
  expect(apart?.master).toBeUndefined()
  await expect(network.partition([GUEST.hostname])).rejects.toThrow(
    /^Guest guest is not on the network yet\nPartition the network after the guest has booted/,
  )
  expect((await tap())?.master).toBeUndefined()
  await attachment.join()
  await attachment.join()
  expect(await tap()).toMatchObject({
    master: network.bridge,
    flags: expect.arrayContaining(['UP']) as string[],
  })
  await network.partition([GUEST.hostname])
  expect((await tap())?.master).toBe(`${network.bridge}p1`)
})

test('the namespace of the tests gets no interface', async () => {
  const before = await ownInterfaces()
  await using network = await openNetwork()
  await using _ = await network.attach(GUEST)
  expect(await ownInterfaces()).toEqual(before)
})

test('subnet and gateway can be chosen', async () => {
  await using network = await openNetwork({ subnet: '10.7.0.0/16', gateway: '10.7.255.1' })
  const bridge = (await links(network)).find(({ ifname }) => ifname === network.bridge)
  expect(bridge?.addr_info[0]).toMatchObject({ local: '10.7.255.1', prefixlen: 16, broadcast: '10.7.255.255' })
})

test('dialing reaches what is inside this network, and nothing else', async () => {
  await using one = await openNetwork()
  await using two = await openNetwork()
  const port = await greeter(one, 'hello from one')
  const socket = await one.dial(one.gateway, port)
  expect((await buffer(socket)).toString()).toBe('hello from one')
  await expect(two.dial(two.gateway, port)).rejects.toThrow(NetworkError)
})

test('dialing an address without a machine says so, and can be aborted', async () => {
  await using network = await openNetwork()
  await expect(network.dial(network.gateway, 1)).rejects.toThrow(
    /Nothing answers at 192\.168\.100\.50:1: .*ECONNREFUSED/,
  )
  const reason = new Error('enough')
  await expect(network.dial('192.168.100.99', 22, AbortSignal.abort(reason))).rejects.toThrow(reason)
})

test('the state folder is for this user alone', async () => {
  await using network = await openNetwork()
  expect(statSync(network.stateFolder).mode & 0o777).toBe(0o700)
})

test('closing twice leaves nothing behind', async () => {
  await using folder = await ownTemporaryFolder()
  process.env['TMPDIR'] = folder.path
  onTestFinished(() => void delete process.env['TMPDIR'])
  const network = await openNetwork()
  await network.attach(GUEST)
  await greeter(network, 'still here')
  await network[Symbol.asyncDispose]()
  await network[Symbol.asyncDispose]()
  expect(await leftoversAfter(folder.path, 0)).toEqual([])
})

test.for(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)('%s of the owner leaves nothing behind', async (signal) => {
  await using folder = await ownTemporaryFolder()
  const program = `
    import { openNetwork } from ${JSON.stringify(new URL('../../src/network/open-network.ts', import.meta.url).href)}
    const network = await openNetwork()
    await network.attach(${JSON.stringify(GUEST)})
    const [file, ...args] = network.inside(['sleep', '300'])
    const { spawn } = await import('node:child_process')
    spawn(file, args, { stdio: 'ignore' })
    const [sh, ...rest] = network.inside(['readlink', '/proc/self/ns/net'])
    console.log((await import('node:child_process')).execFileSync(sh, rest).toString().trim())
    setInterval(() => {}, 1000)`
  const owner = execa(process.execPath, ['--input-type=module', '--eval', program], {
    env: { TMPDIR: folder.path },
    reject: false,
  })
  const namespace = await new Promise<string>((resolve) => createInterface(owner.stdout).once('line', resolve))
  expect(namespace).not.toBe(networkNamespace(process.pid))
  const residents = residentsOf(folder.path)
  expect(residents.map((each) => each.namespace)).toContain(namespace)
  owner.kill(signal)
  await owner
  expect(await leftoversAfter(folder.path, LIMITS.gone, { residents })).toEqual([])
})

test.for([0, 65_536, -1, 1.5, Number.NaN, '22'])('port %s is refused, and the keeper lives on', async (port) => {
  await using network = await openNetwork()
  await expect(network.dial(network.gateway, port as number)).rejects.toThrow(
    /^Option `port` must be a whole number from 1 to 65535; got /,
  )
})

test('an invalid request does not end the keeper', async () => {
  await using network = await openNetwork()
  const status = (path: string) =>
    new Promise((resolve, reject) => {
      const asking = request({ socketPath: network.socketPath, method: 'CONNECT', path, agent: false })
      asking
        .once('connect', ({ statusCode }, socket) => resolve([statusCode, socket.destroy().destroyed]))
        .once('error', reject)
        .end()
    })
  expect(await status('192.168.100.50:65536')).toEqual([400, true])
  expect(await status('[::1:22')).toEqual([400, true])
  const port = await greeter(network, 'still here')
  expect(String(await buffer(await network.dial(network.gateway, port)))).toBe('still here')
})

test('a network whose keeper was killed leaves nothing to clean up', async () => {
  await using folder = await ownTemporaryFolder()
  process.env['TMPDIR'] = folder.path
  onTestFinished(() => void delete process.env['TMPDIR'])
  const network = await openNetwork()
  const attachment = await network.attach(GUEST)
  process.kill(Number(network.inside([])[2]), 'SIGKILL')
  await expect.poll(() => existsSync(`/proc/${network.inside([])[2]}`)).toBe(false)
  await attachment[Symbol.asyncDispose]()
  await network[Symbol.asyncDispose]()
  expect(await leftoversAfter(folder.path, 0)).toEqual([])
})
