import { afterAll, beforeAll, expect, test } from 'vitest'
import { bootGuest, GuestError, WaitError, type Guest } from '../../src/index.ts'
import { LIMITS } from '../support/time-limits.ts'

/** For waits that must time out; one attempt takes 0.3 s under emulation. */
const SHORT = { timeout: 3000, interval: 300 }

let guest: Guest

beforeAll(async () => {
  guest = await bootGuest()
})
afterAll(() => guest[Symbol.asyncDispose]())

async function failureOf(wait: Promise<unknown>): Promise<WaitError> {
  const error: unknown = await wait.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(WaitError)
  return error as WaitError
}

test('waitForUnit: a unit that becomes active later', async () => {
  await guest.exec('systemd-run --quiet --on-active=1 --unit=later --timer-property=AccuracySec=100ms sleep 1000')
  await guest.waitForUnit('later')
  expect((await guest.exec('systemctl is-active later')).stdout).toBe('active')
})

test('waitForUnit: a unit that failed or does not exist is an error at once', async () => {
  await guest.exec(`systemd-run --quiet --unit=broken sh -c 'echo no such disk >&2; exit 3'`)
  const failed = await failureOf(guest.waitForUnit('broken'))
  expect(failed.message).toMatch(
    /^Unit broken will not become active; it is failed \(failed\), Result=exit-code, exit status 3\n/,
  )
  expect(failed.message).toMatch(/^status:\n {2}\| × broken\.service[^]*^journal:\n[^]*no such disk/m)
  expect(failed.elapsedMs).toBeUndefined()
  const missing = await failureOf(guest.waitForUnit('nowhere'))
  expect(missing.message).toMatch(/^Unit nowhere does not exist\n/)
  await guest.exec('systemctl reset-failed broken')
})

test.for<[string, (guest: Record<string, (...args: unknown[]) => Promise<unknown>>) => Promise<unknown>, RegExp]>([
  ['exec', (guest) => guest['exec']!('true', { timout: 1 }), /^Unknown option `timout`/],
  ['exec', (guest) => guest['exec']!('true', { timeout: '10' }), /^Option `timeout` must be a number of milliseconds/],
  ['exec', (guest) => guest['exec']!('true', { encoding: 'latin1' }), /^Option `encoding` must be one of/],
  ['spawn', (guest) => guest['spawn']!('true', { reject: false }), /^Unknown option `reject`/],
  ['journal', (guest) => guest['journal']!({ units: 'ssh' }), /^Unknown option `units`/],
  ['waitForUnit', (guest) => guest['waitForUnit']!('ssh', { timout: 1 }), /^Unknown option `timout`/],
  ['waitForConsole', (guest) => guest['waitForConsole']!('login'), /^Option `pattern` must be a RegExp/],
  ['writeFile', (guest) => guest['writeFile']!('/tmp/x'), /^Option `data` must be text or a Uint8Array/],
  ['readFile', (guest) => guest['readFile']!('/etc/hosts', { signal: 1 }), /^Unknown option `signal`/],
])('%s refuses what types would not let through', async ([, call, message]) => {
  await expect(call(guest as never)).rejects.toThrow(message)
})

test("failures by an event, or after waiting for a turn, have the test's line too", async () => {
  const failures: Record<string, () => Promise<unknown>> = {
    wait: async () => await guest.waitForUnit('nowhere'),
    dial: async () => await guest.connect(9),
    turn: async () => await guest.restore({ name: 'of another guest', takenAt: new Date() }),
  }
  for (const [name, fail] of Object.entries(failures)) {
    const error: unknown = await fail().catch((reason: unknown) => reason)
    expect(error).toBeInstanceOf(GuestError)
    expect((error as GuestError).stack, name).toMatch(new RegExp(` at (async )?${name} \\(`))
  }
})

test('waitForUnit: a unit that nothing will start is an error at once', async () => {
  await guest.exec(
    'printf "[Service]\\nExecStart=/bin/true\\n" > /run/systemd/system/idle.service && systemctl daemon-reload',
  )
  const error = await failureOf(guest.waitForUnit('idle'))
  expect(error.message).toMatch(
    /^Unit idle will not become active; it is inactive, and there are no pending jobs\nstatus:[^]*\n.*guest\.waitUntilSucceeds\('systemctl is-active idle'\)/,
  )
  expect(error).toMatchObject({ lastSeen: 'inactive (dead)' })
})

test('waitForUnit: the last state is reported while something may still start the unit', async () => {
  await guest.exec(`systemd-run --quiet --no-block --property=Type=oneshot --unit=starter sleep 1000`)
  const error = await failureOf(guest.waitForUnit('idle', SHORT))
  expect(error.message).toMatch(
    /^Timed out after \d+\.\d s \(\d+ attempts?\) waiting for unit idle to become active: inactive \(dead\)\nstatus:/,
  )
  await guest.exec('systemctl stop starter')
})

test('waitForPort: a port that opens later; one that only the guest can reach is an error', async () => {
  const serve = (address: string) =>
    `systemd-run --quiet --unit=web-${address} sh -c 'sleep 1; exec python3 -m http.server --bind ${address} 8080'`
  await guest.exec(serve('127.0.0.1'))
  await guest.waitUntilSucceeds('curl --silent --fail http://127.0.0.1:8080/ >/dev/null')
  const error = await failureOf(guest.waitForPort(8080, SHORT))
  expect(error.lastSeen).toMatch(/^Nothing answers at 192\.168\.100\.224:8080/)
  expect(error.hint).toMatch(/^It listens only on tcp:\/\/127\.0\.0\.1:8080,/)
  expect((await failureOf(guest.waitForPort(9, SHORT))).hint).toBe('Nothing in the guest listens on port 9.')
  await guest.exec(`systemctl stop web-127.0.0.1; ${serve('0.0.0.0')}`)
  await guest.waitForPort(8080)
})

test('waitForFile, waitUntilSucceeds, waitUntilFails', async () => {
  await guest.exec(`systemd-run --quiet sh -c 'sleep 1; touch "/run/it is here"'`)
  await guest.waitForFile('/run/it is here')
  expect((await guest.waitUntilSucceeds('cat "/run/it is here"; echo yes')).stdout).toBe('yes')
  await guest.exec(`systemd-run --quiet sh -c 'sleep 1; rm "/run/it is here"'`)
  expect(await guest.waitUntilFails('ls "/run/it is here"')).toMatchObject({ exitCode: 2, failed: true })
  const error = await failureOf(guest.waitUntilSucceeds('echo disk full >&2; exit 4', SHORT))
  expect(error).toMatchObject({ exitCode: 4, stderr: 'disk full', lastSeen: 'exit code 4: disk full' })
  expect((await failureOf(guest.waitUntilSucceeds('sleep 1000', SHORT))).message).toMatch(
    /the first attempt did not finish/,
  )
  expect((await guest.exec('pgrep -c -x sleep', { reject: false })).stdout).toBe('1')
})

test('waitForConsole: earlier output counts once; a later wait needs a later match', async () => {
  await guest.exec('printf "one 1\\r\\ntwo 2\\r\\n" > /dev/ttyS0')
  expect((await guest.waitForConsole(/one (\d)/g))[1]).toBe('1')
  expect((await guest.waitForConsole(/two (\d)/))[1]).toBe('2')
  const again = guest.waitForConsole(/one (\d)/)
  await guest.exec('printf "one 3\\r\\n" > /dev/ttyS0')
  expect((await again)[1]).toBe('3')
  expect((await guest.waitForConsole(/one (\d)/, { since: 0 }))[1]).toBe('1')
  const error = await failureOf(guest.waitForConsole(/nobody writes this/, { timeout: 200 }))
  expect(error.message).toMatch(
    /^Timed out after \d\.\d s \(1 attempt\) waiting for \/nobody writes this\/ on the console[^]*one 3/,
  )
  await expect(guest.waitForConsole(/nobody writes this/, { timeout: 0 })).rejects.toThrow(WaitError)
  const seldom = guest.waitForConsole(/four (\d)/, { interval: 300 })
  await guest.exec('printf "four 4\r\n" > /dev/ttyS0')
  expect((await seldom)[1]).toBe('4')
  const aborted = guest.waitForConsole(/nobody writes this/, { interval: 1, signal: AbortSignal.timeout(100) })
  await expect(aborted).rejects.toMatchObject({ name: 'TimeoutError' })
})

test('a kernel that panics ends a wait at once', async () => {
  const startedAt = performance.now()
  const waiting = guest.waitForFile('/run/never')
  void guest.exec('echo c > /proc/sysrq-trigger').catch(() => {})
  await expect(waiting).rejects.toMatchObject({
    name: 'BootError',
    message: expect.stringMatching(/^The guest's kernel panicked: sysrq triggered crash/) as string,
  })
  await expect(guest.waitForUnit('ssh')).rejects.toThrow(/^The guest's kernel panicked/)
  expect(performance.now() - startedAt).toBeLessThan(LIMITS.soon)
})
