import { expect, test } from 'vitest'
import { GuestError, SshError, WaitError } from '../../src/errors.ts'
import { NotYet, resolveWait, waitUntil, type Wait } from '../../src/guest/wait/wait-until.ts'

const nothing = { [Symbol.dispose]: () => {} }

function wish<T>(look: Wait<T>['look'], more: Partial<Wait<T>> = {}): Wait<T> {
  return { what: 'it', timeout: 2000, interval: 1, signal: undefined, watch: () => nothing, look, ...more }
}

test('retries until the condition holds, even if the connection breaks meanwhile', async () => {
  const looks = [
    () => Promise.reject(new NotYet('no')),
    () => Promise.reject(new SshError('The connection was lost')),
    () => Promise.resolve('yes'),
  ]
  expect(await waitUntil(wish(() => looks.shift()?.() ?? Promise.reject(new Error('too often'))))).toBe('yes')
})

test('the error says what was waited for, how long, how often, and the last result', async () => {
  let disposed = 0
  const look = () => Promise.reject(new NotYet('three of four', { stderr: 'almost' }))
  const watch = () => ({ [Symbol.dispose]: () => disposed++ })
  const explain = () => Promise.resolve({ hint: 'Do this.' })
  const error: unknown = await waitUntil(wish(look, { timeout: 1000, interval: 100, watch, explain })).catch(
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(WaitError)
  expect(error).toMatchObject({ lastSeen: 'three of four', stderr: 'almost', hint: 'Do this.', phase: 'it' })
  expect((error as Error).message).toMatch(
    /^Timed out after \d\.\d s \(\d+ attempts\) waiting for it: three of four\nstderr:\n {2}\| almost\nDo this\.$/,
  )
  expect((error as WaitError).attempts).toBeGreaterThan(1)
  expect(disposed).toBe(1)
})

test('an attempt that hangs is given up', async () => {
  const error = waitUntil(wish(() => new Promise(() => {}), { timeout: 20 }))
  await expect(error).rejects.toThrow(
    /^Timed out after \d\.\d s \(1 attempt\) waiting for it: the first attempt did not finish/,
  )
})

test('without any time it tries once', async () => {
  const look = async () => {
    await new Promise((resolve) => setTimeout(resolve, 10))
    throw new NotYet('no')
  }
  await expect(waitUntil(wish(look, { timeout: 0 }))).rejects.toThrow(
    /^Timed out after \d\.\d s \(1 attempt\) waiting for it: no$/,
  )
})

test('a first attempt that may outlast the time is then the last one', async () => {
  let looks = 0
  const look = async () => {
    looks++
    await new Promise((resolve) => setTimeout(resolve, 60))
    throw new NotYet('no')
  }
  const error = waitUntil(wish(look, { timeout: 20, looksAtLeastOnce: true }))
  await expect(error).rejects.toThrow(/^Timed out after \d\.\d s \(1 attempt\) waiting for it: no$/)
  expect(looks).toBe(1)
})

test('any other error ends it unchanged', async () => {
  let looks = 0
  const broken = new TypeError('broken')
  const look = () => {
    looks++
    return Promise.reject(broken)
  }
  await expect(waitUntil(wish(look))).rejects.toBe(broken)
  expect(looks).toBe(1)
})

test("the guest's death and the signal end it at once, during and between attempts", async () => {
  const death = new GuestError('dead')
  const dies = (fail: (error: Error) => void) => {
    setTimeout(() => fail(death), 10)
    return nothing
  }
  const hanging = () => new Promise<never>(() => {})
  const notYet = () => Promise.reject(new NotYet('no'))
  await expect(waitUntil(wish(hanging, { watch: dies }))).rejects.toBe(death)
  await expect(waitUntil(wish(notYet, { watch: dies, interval: 1500 }))).rejects.toBe(death)
  const reason = new Error('enough')
  const abort = new AbortController()
  setTimeout(() => abort.abort(reason), 10)
  await expect(waitUntil(wish(notYet, { signal: abort.signal, interval: 1500 }))).rejects.toBe(reason)
  await expect(waitUntil(wish(notYet, { signal: abort.signal }))).rejects.toBe(reason)
})

test('emulation makes defaults ten times as long, but not what the caller sets', () => {
  expect(resolveWait({}, 'kvm')).toMatchObject({ timeout: 60_000, interval: 100 })
  expect(resolveWait({}, 'tcg')).toMatchObject({ timeout: 600_000, interval: 1000 })
  expect(resolveWait({ timeout: 5, interval: 6 }, 'tcg')).toMatchObject({ timeout: 5, interval: 6 })
  expect(() => resolveWait({ timeout: '5 s' as unknown as number }, 'kvm')).toThrow(
    /^Option `timeout` must be a number of milliseconds; got '5 s'\n/,
  )
})

test('an infinite time has no limit', async () => {
  let looks = 0
  const look = () => (++looks < 3 ? Promise.reject(new NotYet('no')) : Promise.resolve('yes'))
  expect(await waitUntil(wish(look, { timeout: Infinity, interval: 5 }))).toBe('yes')
})
