import { afterAll, beforeAll, expect, test } from 'vitest'
import { bootGuest, type Guest } from '../../src/index.ts'
import { LIMITS } from '../support/time-limits.ts'

let guest: Guest

beforeAll(async () => {
  guest = await bootGuest()
})
afterAll(async () => {
  await guest[Symbol.asyncDispose]()
})

/** The number of `sleep`s with this many seconds, which nothing else in the guest has. */
async function sleepers(seconds: number): Promise<number> {
  const { stdout } = await guest.exec(`pgrep -cxf 'sleep ${seconds}'`, { reject: false })
  return Number(stdout)
}

test('more simultaneous commands than a connection allows take turns', async () => {
  const said = await Promise.all(Array.from({ length: 110 }, (_, n) => guest.exec(`echo ${n}`)))
  expect(said.map(({ stdout }) => Number(stdout))).toEqual(Array.from({ length: 110 }, (_, n) => n))
})

test('with as many processes as a connection allows, one more is refused; all can be killed at once', async () => {
  const caller = new AbortController()
  const sleep = () => guest.spawn('exec sleep 4711', { cancelSignal: caller.signal })
  const processes = await Promise.all(Array.from({ length: 90 }, sleep))
  await expect(sleep()).rejects.toThrow(
    /^SSH did not start the command \(90 commands are already running over this connection, the maximum\)/,
  )
  caller.abort()
  expect((await Promise.all(processes.map(({ exit }) => exit))).every(({ isCanceled }) => isCanceled)).toBe(true)
  await expect.poll(() => sleepers(4711), { timeout: LIMITS.soon }).toBe(0)
})
