import { expect, test } from 'vitest'
import { pendingLines } from '../../fixtures/evidence/describe.ts'
import { pointToPending } from '../../fixtures/evidence/error-text.ts'
import { begin, forget, pendingOf, whilePending } from '../../src/guest/wait/pending.ts'
import { NotYet, waitUntil } from '../../src/guest/wait/wait-until.ts'

const past = new Date(0)
const nothing = { [Symbol.dispose]: () => {} }
const names = (guest: string) => pendingOf(guest, past).map(({ what }) => what)

test('a wait is pending until it is over, with its last result and the line that began it', async () => {
  let there = false
  const waiting = waitUntil({
    what: 'it',
    timeout: 60_000,
    interval: 1,
    signal: undefined,
    watch: () => nothing,
    look: () => (there ? Promise.resolve('yes') : Promise.reject(new NotYet('three of four'))),
    pending: begin('wait', 'it'),
  })
  await expect.poll(() => pendingOf('wait', past)[0]?.attempts).toBeGreaterThan(1)
  const [pending] = pendingOf('wait', past)
  expect(pending).toMatchObject({ what: 'it', lastSeen: 'three of four' })
  expect(pending?.frames[0]).toMatch(/guest-pending\.test\.ts:20:\d+/)
  expect(pendingOf('wait', new Date(Date.now() + 1000))).toEqual([])
  expect(pendingOf('another', past)).toEqual([])
  there = true
  await waiting
  expect(names('wait')).toEqual([])
})

test('work that has ended is not pending, unless the caller’s own signal ended it', async () => {
  const abort = new AbortController()
  const never = (signal?: AbortSignal) =>
    new Promise((_, reject) => signal?.addEventListener('abort', () => reject(new Error('aborted'))))
  await whilePending('work', 'one', undefined, () => Promise.resolve())
  await whilePending('work', 'two', undefined, () => Promise.reject(new Error('no'))).catch(() => {})
  void whilePending('work', 'three', undefined, () => never())
  const aborted = whilePending('work', 'four', abort.signal, () => never(abort.signal))
  expect(names('work')).toEqual(['three', 'four'])
  abort.abort()
  await expect(aborted).rejects.toThrow('aborted')
  expect(names('work')).toEqual(['four', 'three'])
  forget('work')
  expect(names('work')).toEqual([])
})

test('each is one line, and a time-out points to the last one', () => {
  const frames = ['    at /home/me/web.test.ts:12:9', '    at async /home/me/web.test.ts:3:1']
  const wait = { startedAt: past, attempts: 3, lastSeen: 'no such file\nmore', frames }
  const pending = [
    { ...wait, what: '/run/x to exist' },
    { ...wait, what: '`one\ntwo`', attempts: undefined, lastSeen: undefined, frames: [] },
  ]
  expect(pendingLines(pending, 1500)).toEqual([
    '1.5 s for /run/x to exist (3 attempts; last result: no such file), at /home/me/web.test.ts:12:9',
    '1.5 s for `one …',
  ])
  const error = {
    name: 'Error',
    message: 'Test timed out in 500ms.',
    stack: 'Error: Test timed out in 500ms.\n    at vitest',
  }
  pointToPending(error, pending)
  expect(error.stack).toBe(['Error: Test timed out in 500ms.', ...frames].join('\n'))
  const other = { message: 'expected 1 to be 2', stack: 'of its own' }
  pointToPending(other, pending)
  expect(other.stack).toBe('of its own')
})
