import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { inflateSync } from 'node:zlib'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bootGuest, HostError, NetworkError, journalText, type Guest } from '../../src/index.ts'
import { LIMITS } from '../support/time-limits.ts'

let guest: Guest
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'see-'))
  guest = await bootGuest()
})

afterAll(async () => {
  await guest[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

test('fetch talks HTTP to a server in the guest, and says when nothing listens', async () => {
  await expect(guest.fetch('http://guest:8080/')).rejects.toThrow(NetworkError)
  await guest.$`mkdir /srv/www && echo hello > /srv/www/greeting`
  const serve = 'python3 -m http.server --directory /srv/www 8080'
  await guest.exec(`systemd-run --quiet --unit web ${serve}`)
  await expect.poll(() => guest.fetch('http://guest:8080/greeting').catch(() => {}), { timeout: LIMITS.patient, interval: 500 }).toBeTruthy() // prettier-ignore
  for (const host of ['guest', guest.address]) {
    const response = await guest.fetch(`http://${host}:8080/greeting`)
    expect({ status: response.status, body: await response.text() }).toEqual({ status: 200, body: 'hello\n' })
  }
  expect((await guest.fetch('http://guest:8080/nothing')).status).toBe(404)
})

test('datagrams reach a guest and return, by a forwarded port and from a program inside the network', async () => {
  const answer = 's.bind(("", 5353)); m, a = s.recvfrom(9999); s.sendto(b"re: " + m, a)'
  const listen = `import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); ${answer}`
  await using server = await guest.spawn(`exec python3 -c '${listen}'`)
  await guest.waitUntilSucceeds('ss -Hlun sport = 5353 | grep -q .')
  await using forward = await guest.forward({ port: 5353, protocol: 'udp' })
  const socket = createSocket('udp4')
  const answered = once(socket, 'message')
  socket.send('hello', forward.port, forward.host)
  const [message] = (await answered) as [Buffer]
  socket.close()
  expect(message.toString()).toBe('re: hello')
  expect(await server.exit).toMatchObject({ exitCode: 0 })
  await expect(guest.forward({ port: 5353, protocol: 'sctp' as 'udp' })).rejects.toThrow(
    /^Option `protocol` must be one of/,
  )
  const seen = await guest.network.run(['ping', '-c', '1', guest.address], { timeout: 60_000 })
  expect(seen).toContain(' 0% packet loss')
  await expect(guest.network.run(['ping', '-c', '1', '-W', '1', '192.0.2.1'])).rejects.toThrow(HostError)
  await expect(guest.network.run([])).rejects.toThrow(/^Option `command` must be an array of words/)
})

test('the guest calls a server of the test', async () => {
  await using exposed = await guest.network.expose(8080, (request, response) => {
    request.resume().on('end', () => response.end(`you asked for ${request.url}`))
  })
  const { stdout } = await guest.$`curl -sS --max-time 30 --data @/etc/os-release ${`${exposed.url}/here`}`
  expect(stdout).toBe('you asked for /here')
})

test('a forwarded port on 127.0.0.1 leads to the guest until it is closed', async () => {
  const { host, port, [Symbol.asyncDispose]: close } = await guest.forward(22)
  const socket = createConnection({ host, port })
  const [banner] = (await once(socket, 'data')) as [Buffer]
  expect(banner.toString()).toMatch(/^SSH-2\.0-OpenSSH/)
  await close()
  await once(socket, 'close')
  await expect(once(createConnection({ host, port }), 'connect')).rejects.toThrow(/ECONNREFUSED/)
})

test('QEMU answers QMP', async () => {
  expect(await guest.qmp('query-status')).toMatchObject({ status: 'running', running: true })
  await expect(guest.qmp('no-such-command')).rejects.toThrow(/QEMU refused no-such-command/)
})

test('logging in on the serial console works', async () => {
  const lines = guest.console.lines({ signal: AbortSignal.timeout(LIMITS.patient * 2) })
  let since = ''
  const stop = guest.console.onOutput((chunk) => (since += chunk))
  const saw = (text: string) => expect.poll(() => since, { timeout: LIMITS.patient, interval: 100 }).toContain(text)
  await guest.console.write('\n')
  await saw('login: ')
  await guest.console.write('root\n')
  await saw('Password: ')
  await guest.console.write(`${guest.rootPassword}\n`)
  await saw('# ')
  await guest.console.write('echo it is $((6 * 7)); tty\n')
  await saw('/dev/ttyS0')
  await guest.console.write('exit\n')
  stop()
  const seen: string[] = []
  for await (const line of lines) {
    seen.push(line)
    if (line === '/dev/ttyS0') break
  }
  expect(seen).toContain('it is 42')
  expect(seen.join('\n')).not.toContain(guest.rootPassword)
})

test('a screenshot shows the text screen, changes with it, and leaves no file', async () => {
  const blank = await guest.screenshot()
  await guest.exec(`for line in $(seq 20); do printf '%080d\\n' 8 >/dev/tty0; done`)
  const written = await guest.screenshot()
  const picture = decodePng(written)
  expect(picture).toMatchObject({ width: 720, height: 400 })
  // Twenty lines of eighty characters on black; before, the screen was almost empty.
  expect(picture.lit).toBeGreaterThan(0.05)
  expect(picture.lit).toBeLessThan(0.5)
  expect(decodePng(blank).lit).toBeLessThan(picture.lit / 2)
  expect(readdirSync(join(guest.network.stateFolder, 'qemu')).filter((name) => name.includes('screenshot'))).toEqual([])
})

test('the journal, by time, unit and priority', async () => {
  await guest.$`logger --tag earlier --priority user.err ${'an old error'}`
  await sleep(10)
  const { stdout } = await guest.$`date +%s%3N`
  const since = new Date(Number(stdout))
  await guest.$`logger --tag mine --priority user.warning ${'a warning "of" mine'}`
  await guest.$`logger --tag mine --priority user.info ${'by the way'}`
  await guest.$`systemd-run --quiet --unit talker --wait echo spoken`
  const all = await guest.journal({ since })
  const mine = all.filter(({ identifier }) => identifier === 'mine')
  expect(mine.map(({ message, priority }) => ({ message, priority }))).toEqual([
    { message: 'a warning "of" mine', priority: 'warning' },
    { message: 'by the way', priority: 'info' },
  ])
  expect(all.every(({ time }) => time >= since)).toBe(true)
  const warnings = await guest.journal({ since, priority: 'warning' })
  expect(warnings.map(({ message }) => message)).toContain('a warning "of" mine')
  expect(warnings.map(({ message }) => message)).not.toContain('by the way')
  const talker = await guest.journal({ unit: 'talker' })
  expect(talker.map(({ unit }) => unit)).toEqual(talker.map(() => 'talker.service'))
  expect(journalText(talker)).toMatch(/ echo\[\d+\]: spoken\n/)
})

test('a capture contains the packets of its time span, and tcpdump reads it', async () => {
  const capture = await guest.capture(join(folder, 'traffic.pcap'))
  await guest.$`ping -c 2 -i 0.2 -s 77 ${guest.network.gateway}`
  const packets = async (filter: string) => {
    const args = ['-n', '-r', capture.file, filter]
    const { stdout } = await execa('tcpdump', args, { env: { PATH: `${process.env['PATH']}:/usr/sbin:/usr/bin` } })
    return stdout.split('\n').filter(Boolean)
  }
  await capture[Symbol.asyncDispose]()
  await capture[Symbol.asyncDispose]()
  await guest.$`ping -c 1 ${guest.network.gateway}`
  const pings = await packets('icmp')
  expect(pings).toHaveLength(4)
  expect(pings[0]).toContain(`${guest.address} > ${guest.network.gateway}: ICMP echo request`)
  expect(pings[0]).toContain('length 85')
  expect((await packets('tcp port 22')).length).toBeGreaterThan(4)
  await expect(guest.capture(join(folder, 'no/such/folder.pcap'))).rejects.toThrow(HostError)
})

/** The size, and the number of pixels that are not black. */
function decodePng(png: Buffer): { width: number; height: number; lit: number } {
  expect(png.subarray(0, 8).toString('latin1')).toBe('\x89PNG\r\n\x1a\n')
  const parts: Buffer[] = []
  for (let at = 8; at < png.length;) {
    const length = png.readUInt32BE(at)
    if (png.toString('latin1', at + 4, at + 8) === 'IDAT') parts.push(png.subarray(at + 8, at + 8 + length))
    at += length + 12
  }
  const [width, height, channels] = [png.readUInt32BE(16), png.readUInt32BE(20), png[25] === 6 ? 4 : 3]
  const raw = inflateSync(Buffer.concat(parts))
  const stride = width * channels
  const line = Buffer.alloc(stride)
  let lit = 0
  for (let y = 0; y < height; y++) {
    const filter = raw[y * (stride + 1)]
    const above = Buffer.from(line)
    for (let x = 0; x < stride; x++) {
      const left = x < channels ? 0 : (line[x - channels] ?? 0)
      const up = above[x] ?? 0
      const upLeft = x < channels ? 0 : (above[x - channels] ?? 0)
      const add = [0, left, up, (left + up) >> 1, paeth(left, up, upLeft)][filter ?? 0] ?? 0
      line[x] = (raw[y * (stride + 1) + 1 + x] ?? 0) + add
    }
    for (let x = 0; x < stride; x += channels) if ((line[x] ?? 0) + (line[x + 1] ?? 0) + (line[x + 2] ?? 0) > 0) lit++
  }
  return { width, height, lit: lit / (width * height) }
}

function paeth(left: number, up: number, upLeft: number): number {
  const [toLeft, toUp, toUpLeft] = [Math.abs(up - upLeft), Math.abs(left - upLeft), Math.abs(left + up - 2 * upLeft)]
  if (toLeft <= toUp && toLeft <= toUpLeft) return left
  return toUp <= toUpLeft ? up : upLeft
}
