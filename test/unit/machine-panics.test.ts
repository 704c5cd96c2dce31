import { duplexPair } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { Qmp } from '../../src/qmp/qmp.ts'
import { Console } from '../../src/machine/console.ts'
import { Panics } from '../../src/machine/panics.ts'

function machine() {
  const [serial, guest] = duplexPair()
  const [monitor, qemu] = duplexPair()
  const panics = new Panics(new Console(serial), new Qmp(monitor))
  let changes = 0
  panics.onChange(() => changes++)
  return {
    panics,
    changes: () => changes,
    say: async (...pieces: string[]) => {
      for (const piece of pieces) {
        guest.write(piece)
        await turn()
      }
    },
    reset: async () => {
      qemu.write('{"event":"RESET"}\n')
      for (let each = 0; each < 4; each++) await turn()
    },
    /** Both at once, the event of the reset first. */
    resetBefore: async (text: string) => {
      qemu.write('{"event":"RESET"}\n')
      guest.write(text)
      for (let each = 0; each < 4; each++) await turn()
    },
  }
}

const PANIC = '[ 4.2] Kernel panic - not syncing: sysrq triggered crash\r\n'
const END = '[ 4.3] ---[ end Kernel panic - not syncing: sysrq triggered crash ]---\r\n'

test('a panic is recognized by its whole line, in any number of pieces, and found once', async () => {
  const { panics, say, changes } = machine()
  await say('[ 4.2] Kernel pa', 'nic - not syncing: sysrq')
  expect(panics.current).toBeUndefined()
  await say(' triggered crash\r\n')
  expect(panics.current).toMatchObject({ reason: 'sysrq triggered crash', isExpected: false })
  expect(panics.error).toMatchObject({
    name: 'BootError',
    message: expect.stringMatching(/^The guest's kernel panicked: sysrq triggered crash\nconsole:/) as string,
  })
  await say(PANIC, 'more\n')
  expect([panics.list.length, changes()]).toEqual([1, 1])
})

test.for([
  [`${PANIC}${END}`, true],
  [`${PANIC}Call Trace:\n`, false],
  [`${PANIC}[ 4.3] Rebooting in 1 seconds..\n`, false],
  [`${PANIC}[ 0.0] Linux version 6.1.0-1-amd64\n`, false],
] as const)('whether the guest stays that way: %j', async ([text, isFinal]) => {
  const { panics, say } = machine()
  await say(text)
  expect(panics.isFinal).toBe(isFinal)
  await say(...text)
  expect(panics.isFinal).toBe(isFinal)
})

test('a reset ends it, and one after that is another', async () => {
  const { panics, say, reset } = machine()
  await say(PANIC, END)
  await reset()
  expect([panics.current, panics.isFinal, panics.error]).toEqual([undefined, false, undefined])
  await say('booting\n')
  expect(panics.current).toBeUndefined()
  await say(PANIC)
  expect([panics.current, panics.list.length]).toEqual([panics.list[1], 2])
})

test('output that comes after the event of the reset belongs to the run before', async () => {
  const { panics, resetBefore, say } = machine()
  await resetBefore(PANIC)
  expect([panics.current, panics.list.length]).toEqual([undefined, 1])
  await say(PANIC)
  expect(panics.current).toBe(panics.list[1])
})

test('each can be waited for once, and none from before a start', async () => {
  const { panics, say, reset } = machine()
  await say(PANIC)
  const [first] = panics.list
  await reset()
  expect(panics.next).toBe(first)
  panics.expect(first as never)
  expect([first?.isExpected, panics.next]).toEqual([true, undefined])
  await say(PANIC)
  expect(panics.next).toBe(panics.list[1])
  panics.restart()
  expect([panics.next, panics.current]).toEqual([undefined, undefined])
})

test('a flood costs time proportional to its length', async () => {
  const { panics, say } = machine()
  const line = `${'x'.repeat(2000)} Kernel panic at the disco\n`
  const startedAt = performance.now()
  for (let each = 0; each < 100; each++) await say(line.repeat(100))
  await say(PANIC)
  expect(panics.current).toBeDefined()
  expect(performance.now() - startedAt).toBeLessThan(20_000)
})
