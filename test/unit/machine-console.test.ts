import { duplexPair, type Duplex } from 'node:stream'
import { text } from 'node:stream/consumers'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { GuestError } from '../../src/errors.ts'
import { Console } from '../../src/machine/console.ts'

function open(): { console: Console; host: Duplex; guest: Duplex } {
  const [host, guest] = duplexPair()
  return { console: new Console(host), host, guest }
}

test('lines come whole, plain, and from the call on, until the machine ends', async () => {
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

test('what is written arrives, and a listener is told of each piece until it is stopped', async () => {
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

test('what is typed when the machine is gone, or goes, is refused', async () => {
  const { console, host } = open()
  const pending = console.write('x'.repeat(1_000_000))
  host.destroy()
  await expect(pending).rejects.toThrow(GuestError)
  await expect(console.write('late\n')).rejects.toThrow('Nothing can be typed: QEMU has ended, and the console with it')
})
