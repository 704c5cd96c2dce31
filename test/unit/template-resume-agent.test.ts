import { duplexPair, PassThrough } from 'node:stream'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { boundedLines } from '../../src/template/identity/bounded-lines.ts'
import { IdentityError } from '../../src/template/identity/identity.ts'
import { armCommand, ResumeAgentPort } from '../../src/template/identity/resume-agent.ts'

/** A guest at the other end of the serial port: answers each line as it is told, the seed alone with nothing. */
function guest(answer: (line: string) => string | undefined, onSeed: () => string | undefined = () => undefined) {
  const [host, serial] = duplexPair()
  const heard: string[] = []
  createInterface(serial).on('line', (line) => {
    heard.push(line)
    const said = line.startsWith('seed ') ? onSeed() : answer(line)
    if (said !== undefined) serial.write(`${said}\n`)
  })
  const say = Object.assign((line: string) => serial.write(`${line}\n`), { raw: (text: string) => serial.write(text) })
  return { port: new ResumeAgentPort(host), heard, say }
}

const awake = (offsetMs = 0) => `awake ${((Date.now() + offsetMs) / 1000).toFixed(6)}`
const soon = () => AbortSignal.timeout(15_000)

test('a guest that takes the time and has no failed unit is awake', async () => {
  const { port, heard } = guest((line) => (line === 'done' ? 'failed ' : awake()))
  await port.resume(soon())
  const [seed, now, ...rest] = heard
  // 64 random bytes, before anything else.
  expect(seed).toMatch(/^seed [0-9a-f]{128}$/)
  expect(Math.abs(Number(now) * 1000 - Date.now())).toBeLessThan(5000)
  expect(rest).toEqual(['done'])
})

test('other random bytes each time', async () => {
  const one = guest((line) => (line === 'done' ? 'failed ' : awake()))
  await one.port.resume(soon())
  const other = guest((line) => (line === 'done' ? 'failed ' : awake()))
  await other.port.resume(soon())
  expect(one.heard[0]).not.toBe(other.heard[0])
})

test.for([-700, 700])('a clock that is %i ms off is set again', async (offset) => {
  let asked = 0
  const { port, heard } = guest((line) => (line === 'done' ? 'failed ' : awake(asked++ < 2 ? offset : 0)))
  await port.resume(soon())
  expect(heard).toHaveLength(5)
})

test('a clock that stays off is an error', async () => {
  const { port, heard } = guest((line) => (line === 'done' ? 'failed ' : awake(-60_000)))
  await expect(port.resume(soon())).rejects.toMatchObject({
    name: 'BootError',
    message: expect.stringMatching(
      /^The guest's clock is 6\d{4} ms off the host's; at most 500 ms are accepted/,
    ) as string,
  })
  expect(heard).toHaveLength(11)
})

test('units that failed by the jump are an error that names them', async () => {
  const { port } = guest((line) => (line === 'done' ? 'failed chrony.service backup.timer' : awake()))
  await expect(port.resume(soon())).rejects.toThrow(
    /^Units failed when the guest's clock was set: chrony.service backup.timer\n.*start: 'cold'/,
  )
})

test('what went wrong in the guest is an error', async () => {
  const { port } = guest(() => 'PermissionError: [Errno 1] Operation not permitted')
  await expect(port.resume(soon())).rejects.toThrow('The guest did not resume properly: PermissionError')
})

test('so is a seed that was not taken, though nobody asks for an answer', async () => {
  const { port } = guest(
    () => undefined,
    () => 'PermissionError: [Errno 1] Operation not permitted',
  )
  port.reseed()
  await new Promise((resolve) => setTimeout(resolve, 50))
  await expect(port.setClock(soon())).rejects.toThrow('The guest did not resume properly: PermissionError')
})

test('a guest that says nothing is waited for until the signal', async () => {
  const { port } = guest(() => undefined)
  await expect(port.resume(AbortSignal.timeout(50))).rejects.toThrow(/abort|timeout/i)
})

test('a resume agent that cannot take its place says why', async () => {
  const { port, say } = guest(() => undefined)
  const armed = port.armed(soon())
  say('OSError: an SSH session does not end')
  await expect(armed).rejects.toMatchObject({
    name: 'FreezeError',
    message: 'The guest cannot be frozen: OSError: an SSH session does not end',
  })
})

test('a line without an end is cut, and one that is no answer is an error that shows its beginning', async () => {
  const { port, say } = guest(() => undefined)
  const waking = port.resume(soon())
  const endless = 'x'.repeat(1_000_000)
  for (let each = 0; each < 20; each++) say.raw(endless)
  say('')
  const error: unknown = await waking.catch((reason: unknown) => reason)
  expect(error).toMatchObject({
    name: 'BootError',
    message: `The guest did not resume properly: ${'x'.repeat(400)}`,
  })
})

test.for(['became {', 'became [1]', `became ${'['.repeat(30_000)}`])('nor is this a guest: %s', async (answer) => {
  const { port } = guest(() => answer)
  const identity = {
    hostname: { from: 'a', to: 'b' },
    machineId: '1',
    hostKey: '',
    hostPublicKey: '',
    cards: [],
    hosts: '',
  }
  const error: unknown = await port.applyIdentity(identity, 1000, soon()).catch((reason: unknown) => reason)
  expect(error).toMatchObject({ name: 'IdentityError', lastSeen: answer.slice(7, 1007) })
})

test('lines come whole in whatever pieces, and of a long one the beginning', () => {
  const stream = new PassThrough()
  const seen: string[] = []
  boundedLines(stream).on('line', (line) => seen.push(line))
  for (const piece of ['o', 'ne\r\ntw', 'o\n\nthr', 'é'.slice(0), 'e\n', 'y'.repeat(70_000), 'z\nlast\nno end']) {
    stream.emit('data', Buffer.from(piece))
  }
  expect(seen).toEqual(['one', 'two', '', 'thrée', 'y'.repeat(65_536), 'last'])
})

test.for(['', 'eth0 is managed by none of them'])(
  'a resume agent at its place says whether its machine can change: %o',
  async (reason) => {
    const { port, say } = guest(() => undefined)
    const armed = port.armed(soon())
    say(`armed ${reason}`)
    expect(await armed).toBe(reason)
  },
)

const CARDS = [{ macAddress: '52:54:00:00:00:02', address: '192.168.100.225' }] as const
const IDENTITY = {
  hostname: { from: 'guest', to: 'web' },
  machineId: '0123456789abcdef0123456789abcdef',
  hostKey: 'private',
  hostPublicKey: 'public',
  cards: [{ name: 'eth0', from: { macAddress: '52:54:00:00:00:01', address: '192.168.100.224' }, to: CARDS[0] }],
  hosts: '',
}

test('a machine that says that it is who was asked for has become that guest', async () => {
  const { port, heard } = guest(
    () => `became ${JSON.stringify({ hostname: 'web', machineId: IDENTITY.machineId, cards: CARDS })}`,
  )
  await port.applyIdentity(IDENTITY, 2500, soon())
  expect(JSON.parse(heard[0]?.replace('become ', '') ?? '')).toEqual({ ...IDENTITY, patience: 2.5 })
})

test.for(['OSError: networkd left eth0 at no address', 'became {"hostname": "guest"}', 'became no JSON at all'])(
  'one that says %o has not: an error that tells it from all others, with what was said',
  async (said) => {
    const { port } = guest(() => said)
    await expect(port.applyIdentity(IDENTITY, 2500, soon())).rejects.toSatisfy(
      (error) => error instanceof IdentityError && error.lastSeen === said.replace('became ', ''),
    )
  },
)

test('the command quotes its program for a shell', () => {
  // Single quotes inside are the only thing that could end it.
  expect(armCommand('end').replaceAll(`'\\''`, '').match(/'/g)).toHaveLength(2)
  expect(armCommand('end')).toMatch(/ 30\n/)
  expect(armCommand('stay')).toMatch(/ 0\n/)
})
