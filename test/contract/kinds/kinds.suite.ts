import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { promisify } from 'node:util'
import { expect, test } from 'vitest-guest'
import { NetworkError, type NetworkKind } from 'vitest-guest/core'

const kind = process.env['KIND'] as NetworkKind

test.override({ guestOptions: { network: kind } })

test('the network has the requested kind', ({ network }) => {
  expect(network.kind).toBe(kind)
  expect(network.reason).toBeUndefined()
  expect(network.attachments).toHaveLength(1)
})

test('address, name and password come from the seed, and nothing outside is reachable', async ({ guest }) => {
  const card = guest.interfaces[0]?.name ?? ''
  const { stdout } = await guest.$`hostname; ip -brief -4 address show dev ${card}; ip route`
  expect(stdout.split('\n')).toEqual([
    'guest',
    expect.stringMatching(`^${card} +UP +192\\.168\\.100\\.224/24 *$`),
    expect.stringMatching(`^192\\.168\\.100\\.0/24 dev ${card} `),
  ])
  const isPassword =
    "import crypt, spwd, sys; own = spwd.getspnam('root').sp_pwdp; print(crypt.crypt(sys.argv[1], own) == own)"
  expect((await guest.$`python3 -W ignore -c ${isPassword} ${guest.rootPassword}`).stdout).toBe('True')
  await expect(guest.$`timeout 5 bash -c ${'echo > /dev/tcp/192.0.2.1/80'}`).rejects.toThrow(/Network is unreachable/)
})

test('files, and a server in the guest', async ({ guest }) => {
  const page = 'x'.repeat(200_000)
  await guest.writeFile('/srv/index.html', page)
  void guest.spawn('exec python3 -m http.server --directory /srv 8080')
  await guest.waitForPort(8080)
  expect(await (await guest.fetch('http://guest:8080/')).text()).toBe(page)
  await using forward = await guest.forward(8080)
  const socket = connect(forward.port, forward.host)
  socket.write('GET / HTTP/1.0\r\n\r\n')
  expect((await text(socket)).endsWith(page)).toBe(true)
})

test('connecting to a closed port or an unused address is a clear error', async ({ guest, network }) => {
  await expect(guest.connect(81)).rejects.toThrow(/Nothing answers at 192\.168\.100\.224:81: .*ECONNREFUSED/)
  await expect(network.dial('192.168.100.99', 22)).rejects.toThrow(
    /Nothing answers at 192\.168\.100\.99:22: .*EHOSTUNREACH/,
  )
})

test('several connections at once, each to its own port', async ({ guest }) => {
  const banners = await Promise.all(
    Array.from({ length: 5 }, async (_, index) => {
      const socket = await guest.connect(index % 2 === 0 ? 22 : 8080)
      if (index % 2 === 1) socket.write('GET /nothing HTTP/1.0\r\n\r\n')
      const start = await new Promise<Buffer>((resolve) => socket.once('data', resolve))
      socket.destroy()
      return start.toString().slice(0, 4)
    }),
  )
  expect(banners).toEqual(['SSH-', 'HTTP', 'SSH-', 'HTTP', 'SSH-'])
})

test('OpenSSH connects with the printed configuration', async ({ guest }) => {
  const { stdout } = await promisify(execFile)('ssh', [
    '-F',
    guest.sshConfig,
    '-o',
    'BatchMode=yes',
    guest.id,
    'id -un',
  ])
  expect(stdout).toBe('root\n')
})

test('its packets can be captured', async ({ guest, network }) => {
  const file = join(network.stateFolder, 'packets.pcap')
  {
    await using _ = await guest.capture(file)
    await guest.$`true`
  }
  expect((await stat(file)).size).toBeGreaterThan(24)
})

test('it is restored to a snapshot and connected again', async ({ guest }) => {
  const before = await guest.snapshot()
  await guest.$`touch /root/after`
  await guest.restore(before)
  await expect(guest).not.toHaveFile('/root/after')
  await guest.waitForPort(8080)
})

test('it reaches servers of the test; a `user` network refuses that', async ({ guest, network }) => {
  const exposing = network.expose(8081, (_request, response) => response.end('from the test'))
  if (kind === 'user') {
    await expect(exposing).rejects.toThrow(NetworkError)
    await expect(network.attach({ hostname: 'other', address: '192.168.100.7' })).rejects.toThrow(/room for one guest/)
    return
  }
  await using exposed = await exposing
  const get = 'import sys, urllib.request; print(urllib.request.urlopen(sys.argv[1]).read().decode())'
  expect((await guest.$`python3 -c ${get} ${exposed.url}`).stdout).toBe('from the test')
})
