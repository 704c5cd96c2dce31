import { getEventListeners } from 'node:events'
import { expect, test, vi } from 'vitest'
import { Deadline } from '../../src/lifetime/deadline.ts'

test('a deadline aborts when the time is up, with a reason created then', async () => {
  using plain = new Deadline(1)
  using own = new Deadline(1, { late: () => new Error('no answer') })
  expect(plain.signal.aborted).toBe(false)
  await expect.poll(() => [plain.isLate, own.isLate]).toEqual([true, true])
  expect(plain.signal.reason).toMatchObject({ name: 'TimeoutError' })
  expect(own.signal.reason).toEqual(new Error('no answer'))
})

test("a deadline aborts with the caller's signal, even one that has already aborted", () => {
  const caller = new AbortController()
  using deadline = new Deadline(Infinity, { signal: caller.signal })
  using own = new Deadline(Infinity, { signal: caller.signal, canceled: (reason) => `because ${String(reason)}` })
  caller.abort('enough')
  using after = new Deadline(0, { signal: caller.signal })
  expect([deadline, own, after].map(({ signal }) => signal.reason as unknown)).toEqual([
    'enough',
    'because enough',
    'enough',
  ])
  expect([deadline, own, after].some(({ isLate }) => isLate)).toBe(false)
})

test('only the first reason counts', () => {
  vi.useFakeTimers()
  try {
    using deadline = new Deadline(1)
    deadline.abort('by hand')
    deadline.abort('again')
    vi.runAllTimers()
    expect([deadline.signal.reason, deadline.isLate]).toEqual(['by hand', false])
  } finally {
    vi.useRealTimers()
  }
})

test('a deadline can be postponed, but not once it is over', () => {
  vi.useFakeTimers()
  try {
    using deadline = new Deadline(10)
    vi.advanceTimersByTime(9)
    deadline.restart(10)
    vi.advanceTimersByTime(9)
    expect(deadline.isLate).toBe(false)
    vi.advanceTimersByTime(1)
    expect(deadline.isLate).toBe(true)
    deadline.restart(10)
    expect(vi.getTimerCount()).toBe(0)
  } finally {
    vi.useRealTimers()
  }
})

test('after disposal it leaves neither timer nor listener behind, and never aborts', () => {
  vi.useFakeTimers()
  try {
    const caller = new AbortController()
    const deadline = new Deadline(10, { signal: caller.signal })
    expect([vi.getTimerCount(), getEventListeners(caller.signal, 'abort').length]).toEqual([1, 1])
    deadline[Symbol.dispose]()
    expect([vi.getTimerCount(), getEventListeners(caller.signal, 'abort').length]).toEqual([0, 0])
    caller.abort()
    expect(deadline.signal.aborted).toBe(false)
  } finally {
    vi.useRealTimers()
  }
})
