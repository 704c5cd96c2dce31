import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openNetwork, type Guest, type GuestNetwork } from '../../src/index.ts'
import { LIMITS } from '../support/time-limits.ts'
import { cardOf } from '../support/identity.ts'

let network: GuestNetwork
let one: Guest
let two: Guest
let three: Guest

beforeAll(async () => {
  network = await openNetwork()
  const boot = (hostname: string) => network.boot({ hostname })
  ;[one, two, three] = await Promise.all([boot('one'), boot('two'), boot('three')])
})
afterAll(() => network[Symbol.asyncDispose]())

/** Milliseconds, the shortest first. */
async function roundTrips(guest: Guest, to: string, count = 5): Promise<number[]> {
  const { stdout } = await guest.exec(`ping -c ${count} -i 0.2 -W 5 ${to}`)
  return [...stdout.matchAll(/time=([\d.]+) ms/g)].map(([, ms]) => Number(ms)).sort((a, b) => a - b)
}

/** Milliseconds, the median of five. */
async function roundTrip(guest: Guest, to: string): Promise<number> {
  return (await roundTrips(guest, to))[2] as number
}

test('link.down(): the guest loses its carrier and cannot be reached; link.up() restores it', async () => {
  await one.exec(
    `nohup sh -c 'while sleep 0.2; do cat /sys/class/net/${cardOf(one)}/carrier >>/run/carrier 2>&1; done' >/dev/null 2>&1 &`,
  )
  await one.link.down()
  await expect(one.connect(22, AbortSignal.timeout(1500))).rejects.toThrow()
  const talking = one.exec('echo heard')
  await sleep(1000)
  await one.link.up()
  expect((await talking).stdout).toBe('heard')
  const carrier = async () => (await one.readFile('/run/carrier', 'utf8')).split('\n')
  expect(await carrier()).toContain('0')
  await expect.poll(async () => (await carrier()).at(-2)).toBe('1')
})

/** Runs ip(8) where the network is. */
async function ip(...words: string[]): Promise<void> {
  const [file, ...args] = network.inside(['ip', ...words])
  await execa(file, args)
}

test('with the cable pulled, every failure says so, and limits are refused', async () => {
  const hint = 'await guest.link.up() plugs it in again.'
  const pulled = `The cable of guest one is pulled, so it cannot be reached\n${hint}`
  await one.link.down()
  await expect(one.exec('true', { timeout: 1000 })).rejects.toMatchObject({
    name: 'CommandError',
    timedOut: true,
    message: expect.stringMatching(/^Command timed out .*: true\n/) as string,
    hint,
    cause: { name: 'NetworkError', message: pulled },
  })
  // No neighbour entry is left, so there is nothing to wait for.
  await ip('neighbour', 'flush', 'dev', 'br0')
  await expect(one.connect(22)).rejects.toMatchObject({
    name: 'NetworkError',
    message: expect.stringMatching(
      /^Nothing answers at 192\.168\.100\.224:22: .*\nThe cable of guest one is pulled/,
    ) as string,
  })
  await expect(one.link.limit({ latency: 100 })).rejects.toThrow(pulled)
  await expect(one.waitForPort(22, { timeout: 500 })).rejects.toMatchObject({
    name: 'WaitError',
    message: expect.stringMatching(
      /^Timed out after .* waiting for port 22: .*\nThe cable of guest one is pulled/,
    ) as string,
  })
  await expect(one.waitForFile('/root', { timeout: 500 })).rejects.toMatchObject({
    name: 'WaitError',
    message: expect.stringMatching(/^Timed out after .*\nThe cable of guest one is pulled/) as string,
  })
  // So does everything that needs a new connection.
  one.ssh.destroy()
  await expect(one.spawn('true')).rejects.toThrow(pulled)
  await expect(one.readFile('/etc/hostname')).rejects.toThrow(pulled)
  await one.link.up()
  expect((await one.exec('echo back')).stdout).toBe('back')
})

test.for([
  ['tap0 nomaster', 'TAP tap0 is on no bridge', 'tap0 master br0'],
  ['tap0 down', 'TAP tap0 is down', 'tap0 up'],
  ['br0 down', 'Bridge br0 is down', 'br0 up'],
] as const)(
  'ip link set dev %s, during the run: the command that fails because of it names it',
  async ([harm, what, fix]) => {
    await ip('link', 'set', 'dev', ...harm.split(' '))
    await expect(one.exec('true', { timeout: 1000 })).rejects.toMatchObject({
      name: 'CommandError',
      timedOut: true,
      message: expect.stringMatching(
        new RegExp(
          `^Command timed out .*: true\n${what}, so guest one cannot be reached\n.*Fix: ip link set dev ${fix}$`,
        ),
      ) as string,
    })
    await ip('link', 'set', 'dev', ...fix.split(' '))
    expect((await one.exec('echo back')).stdout).toBe('back')
  },
)

test('a command that fails by itself is an answer, so the error does not mention the network', async () => {
  await expect(one.exec('false')).rejects.toThrow(/^Command failed with exit code 1: false$/)
})

test('link.limit({ latency }): a round trip takes longer, until it is lifted', async () => {
  const before = await roundTrip(one, network.gateway)
  await one.link.limit({ latency: 300 })
  expect(await roundTrip(one, network.gateway)).toBeGreaterThan(300)
  await one.link.limit({})
  const after = await roundTrip(one, network.gateway)
  expect(after).toBeLessThan(before + 300)
  expect(after).toBeLessThan(300)
})

test('a limit that neither the host nor the guest can set is refused, and leaves nothing behind', async ({ skip }) => {
  const [file, ...args] = network.inside(['tc', 'qdisc', 'add', 'dev', 'lo', 'root', 'netem', 'delay', '1ms'])
  skip((await execa(file, args, { reject: false })).exitCode === 0, 'the kernel of this host has netem')
  await one.exec('mv /usr/sbin/tc /usr/sbin/tc.away')
  await expect(one.link.limit({ latency: 500 })).rejects.toMatchObject({
    name: 'NetworkError',
    message: expect.stringMatching(
      /^The link of guest one cannot be limited \(latency, jitter, loss\): the host's kernel has no netem; in the guest: [^]*\btc\b/,
    ) as string,
    hint: expect.stringMatching(/sch_netem.*iproute2/) as string,
  })
  await one.exec('mv /usr/sbin/tc.away /usr/sbin/tc')
  expect((await one.exec(`tc qdisc show dev ${cardOf(one)}`)).stdout).not.toContain('netem')
  expect(await roundTrip(one, network.gateway)).toBeLessThan(500)
})

test('a bad limit is refused', async () => {
  await expect(one.link.limit({ rate: 'fast' })).rejects.toThrow(/^Option `rate`/)
})

/** Whether a packet comes back. */
async function reaches(guest: Guest, to: string): Promise<boolean> {
  return (await guest.exec(`ping -c 1 -W 2 ${to}`, { reject: false })).exitCode === 0
}

// faults.slow.test.ts tests more than two parts.
test('network.partition() separates a guest from the others, not from the host; network.heal() undoes it', async () => {
  await network.partition(['one'])
  expect(await Promise.all([reaches(one, 'two'), reaches(two, 'one'), reaches(two, 'three')])).toEqual([
    false,
    false,
    true,
  ])
  expect(await reaches(one, network.gateway)).toBe(true)
  await network.heal()
  await one.waitUntilSucceeds('ping -c 1 -W 2 two')
})

test('a group consists of existing guests, each in one group', async () => {
  await expect(network.partition(['one'], ['four'])).rejects.toThrow(
    /^There is no guest called four on the network\nGuests on it: one, two, three\.$/,
  )
  await expect(network.partition(['one'], ['one'])).rejects.toThrow(/^Guest one cannot be in two groups/)
  expect(await reaches(one, 'two')).toBe(true)
})

// The last two tests break what the others need.
test('removing the TAP of a running guest is named as the cause', async () => {
  await ip('link', 'delete', 'dev', 'tap2')
  await expect(three.exec('true', { timeout: 1000 })).rejects.toThrow(
    /\nTAP tap2 is gone, so guest three cannot be reached\n/,
  )
})

test('killing the keeper under running guests is named as the cause, at once', async () => {
  const [, keeper] = /--target (\d+)/.exec(network.inside([]).join(' ')) ?? []
  const startedAt = performance.now()
  const running = one.exec('sleep 60')
  const lost = expect(running).rejects.toThrow(
    /^The SSH connection was lost[^]*\nThe network that guest one is on is gone\n/,
  )
  await sleep(500)
  process.kill(Number(keeper), 'SIGKILL')
  await lost
  for (const fail of [() => one.exec('true'), () => one.readFile('/etc/hostname'), () => one.waitForUnit('ssh')]) {
    await expect(fail()).rejects.toThrow(
      /^The guest is gone[^]*\nThe network that guest one is on is gone\nIts keeper has ended/,
    )
  }
  expect(performance.now() - startedAt).toBeLessThan(LIMITS.soon)
})
