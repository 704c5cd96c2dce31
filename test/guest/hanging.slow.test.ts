import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { expect as expectGuest } from '../../fixtures/expect.ts'
import {
  bootGuest,
  CommandError,
  GuestError,
  type Guest,
  NetworkError,
  openNetwork,
  WaitError,
} from '../../src/index.ts'
import { listTemplates } from '../../src/template/list-templates.ts'
import { LIMITS } from '../support/time-limits.ts'

let guest: Guest
beforeAll(async () => {
  guest = await bootGuest()
})
afterAll(() => guest[Symbol.asyncDispose]())

async function failure(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => 'it did not fail',
    (reason: unknown) => reason,
  )
}

describe('a guest that hangs', () => {
  /** Stays stopped until the end of the test. */
  async function stop(): Promise<void> {
    await guest.qmp('stop')
    onTestFinished(() => guest.qmp('cont').then(() => {}))
  }

  // Transfers, waits and matchers once took as long as the guest hung. They may exceed their own time only to explain it.
  test.for([
    [
      'a canceled transfer',
      () => guest.readFile('/etc/passwd', { cancelSignal: AbortSignal.timeout(1000) }),
      CommandError,
    ],
    ['a wait for a port', () => guest.waitForPort(22, { timeout: 1000 }), WaitError],
    ['a matcher', () => expectGuest(guest).toHaveFile('/etc/passwd', {}, { timeout: 1000 }), WaitError],
    ['a command', () => guest.exec('true', { timeout: 1000 }), CommandError],
  ] as const)('%s keeps to its time', async ([, act, kind]) => {
    await stop()
    const startedAt = performance.now()
    expect(await failure(act())).toBeInstanceOf(kind)
    expect(performance.now() - startedAt).toBeLessThan(LIMITS.soon)
  })

  test('so does a command after a possible shutdown', async () => {
    await guest.exec('echo reboot')
    await stop()
    const startedAt = performance.now()
    expect(await failure(guest.exec('true', { timeout: 1000 }))).toBeInstanceOf(GuestError)
    expect(performance.now() - startedAt).toBeLessThan(LIMITS.soon)
  })

  test('a matcher says that the cable is pulled', async () => {
    await guest.link.down()
    onTestFinished(() => guest.link.up())
    const error = await failure(expectGuest(guest).toListenOn(22, { timeout: 1000 }))
    expect(error).toBeInstanceOf(WaitError)
    expect((error as Error).message).toMatch(
      /the first attempt did not finish\n[^]*guest\.link\.up\(\) plugs it in again/,
    )
  })
})

test('a command of the maximum length runs', async () => {
  const command = 'wc -c <<< '
  const { stdout } = await guest.exec(command + 'x'.repeat(130_953 - command.length), { timeout: Infinity })
  expect(Number(stdout)).toBe(130_954 - command.length)
})

test('simultaneous snapshots are taken one after the other, and each can be restored', async () => {
  await guest.$`echo before > /run/marker`
  const [first, second] = await Promise.all([guest.snapshot(), guest.snapshot()])
  expect(first.name).not.toBe(second.name)
  await guest.$`echo after > /run/marker`
  await Promise.all([guest.restore(first), guest.restore(second)])
  expect((await guest.$`cat /run/marker`).stdout).toBe('before')
})

describe('a start that fails for another reason keeps the template in the cache', () => {
  /** Other tests may add some meanwhile. */
  const whole = async () => {
    const templates = await listTemplates()
    return templates
      .filter(({ fault }) => fault === undefined)
      .map(({ key, createdAt }) => `${key} ${createdAt.toISOString()}`)
  }
  const expectWhole = async (before: string[]) => expect(await whole()).toEqual(expect.arrayContaining(before))

  test('a listener that throws', async () => {
    const before = await whole()
    const bug = new Error('a bug of the listener')
    const onConsole = () => {
      throw bug
    }
    expect(await failure(bootGuest({ onConsole }))).toBe(bug)
    await expectWhole(before)
  })

  test.for([0, 100, 300, 600])('a network that is closed %i ms after the call', async (ms) => {
    const before = await whole()
    const network = await openNetwork()
    const booting = failure(network.boot({ hostname: 'a' }))
    await sleep(ms)
    await network[Symbol.asyncDispose]()
    const startedAt = performance.now()
    expect(await booting).toBeInstanceOf(NetworkError)
    expect(performance.now() - startedAt).toBeLessThan(LIMITS.atOnce)
    await expectWhole(before)
  })
})

test('a guest or network that is gone forwards nothing', async () => {
  const other = await bootGuest()
  const late = other.forward(22)
  await other[Symbol.asyncDispose]()
  const { port } = await late
  await expect(other.forward(22)).rejects.toThrow('The guest is gone')
  await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } })
  await expect(other.forward(0)).rejects.toThrow('Option `port` must be')
})

test('connections to the guest end on a restore, and with the guest', async () => {
  const other = await bootGuest()
  const snapshot = await other.snapshot()
  const closed = async (act: () => Promise<unknown>) => {
    await using forward = await other.forward(22)
    const streams = [await other.connect(22), connect(forward.port, '127.0.0.1')]
    await Promise.all(streams.map((stream) => once(stream, 'data')))
    const ends = Promise.all(
      streams.map((stream) =>
        once(
          stream.on('error', () => {}),
          'close',
        ),
      ),
    )
    await act()
    await ends
  }
  await closed(() => other.restore(snapshot))
  await closed(async () => other[Symbol.asyncDispose]())
})
