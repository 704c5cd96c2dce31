import { duplexPair, PassThrough, type Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { GuestError } from '../../src/errors.ts'
import { Console } from '../../src/machine/console.ts'

function open(): { console: Console; host: Duplex; guest: Duplex } {
  const [host, guest] = duplexPair()
  return { console: new Console(host), host, guest }
}

test('lines are whole and plain, from the call until the machine ends', async () => {
  const { console, host, guest } = open()
  guest.write('before\n')
  await turn()
  const lines = console.lines()
  guest.write('\x1b[32mo')
  await turn()
  guest.write('ne\x1b[0m\r\ntwo\nno end')
  const seen: string[] = []
  for await (const line of lines) {
    seen.push(line)
    if (seen.length === 2) host.destroy()
  }
  expect(seen).toEqual(['one', 'two'])
  expect(console.text).toBe('before\none\ntwo\nno end')
})

test('an abort ends the lines', async () => {
  const { console, guest } = open()
  const abort = new AbortController()
  const lines = console.lines({ signal: abort.signal })
  guest.write('one\n')
  expect(await lines.next()).toEqual({ done: false, value: 'one' })
  const next = lines.next()
  abort.abort()
  expect(await next).toEqual({ done: true, value: undefined })
})

test('what is written arrives, and a listener gets each piece until it is stopped', async () => {
  const { console, guest } = open()
  const pieces: string[] = []
  const stop = console.onOutput((piece) => pieces.push(piece))
  await console.write('root\n')
  guest.write('a')
  await turn()
  stop()
  guest.write('b')
  await turn()
  expect(pieces).toEqual(['a'])
  const arrived = text(guest)
  await console.write('x'.repeat(10))
  guest.push(null)
  expect(await arrived).toBe('root\nxxxxxxxxxx')
})

test('typing is refused when the machine is gone or ends', async () => {
  const { console, host } = open()
  const pending = console.write('x'.repeat(1_000_000))
  host.destroy()
  await expect(pending).rejects.toThrow(GuestError)
  await expect(console.write('late\n')).rejects.toThrow('Cannot write to the console: QEMU has exited')
})

test('a position counts all that was ever written, of which the end is kept', async () => {
  const { console, guest } = open()
  guest.write(`${'x'.repeat(4_100_000)}\n`)
  await turn()
  const { position } = console
  expect(position).toBe(4_100_001)
  guest.write('\x1b[31mKernel panic\x1b[0m\n')
  await turn()
  expect(console.text).toHaveLength(4_000_000)
  expect(console.textSince(position)).toBe('Kernel panic\n')
  expect(console.textSince(0)).toBe(console.text)
  expect(console.tail.endsWith('\nKernel panic')).toBe(true)
})

test('the cost of each piece depends on its length, not on what is kept', () => {
  const cost = (before: number) => {
    const stream = new PassThrough()
    const console = new Console(stream)
    stream.emit('data', 'x'.repeat(before))
    // Processor time, because other processes run too.
    const startedAt = process.cpuUsage()
    for (let at = 0; at < 1000; at++) {
      stream.emit('data', 'a line\n')
      if (at % 10 === 0) console.textSince(console.position - 100)
    }
    const { user } = process.cpuUsage(startedAt)
    expect(console.position).toBe(before + 7000)
    return user / 1000
  }
  cost(0)
  // Cutting one long string for each piece would take a thousand times as long.
  expect(cost(4_000_000)).toBeLessThan(20 * cost(0) + 200)
})

test('an endless line comes in pieces, and no more is kept for a slow reader than the console has', async () => {
  const { console, guest } = open()
  const lines = console.lines()
  guest.write('x'.repeat(70_000))
  await turn()
  expect((await lines.next()).value).toHaveLength(65_536)
  for (let at = 0; at < 50; at++) guest.write(`${'y'.repeat(100_000)}\n`)
  guest.write('last\n')
  await turn()
  let length = 0
  for await (const line of lines) {
    length += line.length
    if (line === 'last') break
  }
  expect(length).toBeLessThan(4_100_000)
})
