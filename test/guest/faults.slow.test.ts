import { afterAll, beforeAll, expect, test } from 'vitest'
import { openNetwork, type Guest, type GuestNetwork } from '../../src/index.ts'
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

// faults.test.ts has the quick ones.
/** Milliseconds, the shortest first. */
async function roundTrips(guest: Guest, to: string, count = 5): Promise<number[]> {
  const { stdout } = await guest.exec(`ping -c ${count} -i 0.2 -W 5 ${to}`)
  return [...stdout.matchAll(/time=([\d.]+) ms/g)].map(([, ms]) => Number(ms)).sort((a, b) => a - b)
}

/** Milliseconds, the median of five. */
async function roundTrip(guest: Guest, to: string): Promise<number> {
  return (await roundTrips(guest, to))[2] as number
}

test('link.limit({ latency, jitter }): round trips differ', async () => {
  await one.link.limit({ latency: 400, jitter: 300 })
  const times = await roundTrips(one, network.gateway, 10)
  await one.link.limit({})
  // From 100 to 700; that ten of them all lie within 100 of one another is one in many thousands.
  expect((times.at(-1) as number) - (times[0] as number)).toBeGreaterThan(100)
})

test('link.limit({ loss }): packets go missing', async () => {
  await one.link.limit({ loss: 50 })
  const { stdout } = await one.exec(`ping -c 30 -i 0.1 -W 2 ${network.gateway}`, { reject: false, timeout: 60_000 })
  await one.link.limit({})
  const [, received] = /(\d+) received/.exec(stdout) ?? []
  // The probability that 26 or more of thirty get through is 1 in 30,000.
  expect(Number(received)).toBeLessThan(26)
})

test('link.limit({ rate }) holds each way', async () => {
  await one.link.limit({ rate: '400kbit' })
  const bytes = Buffer.alloc(150_000, 'x')
  const startedAt = performance.now()
  await one.writeFile('/root/to', bytes)
  const written = performance.now()
  expect(await one.readFile('/root/to')).toHaveLength(bytes.length)
  const read = performance.now()
  await one.link.limit({})
  // 150 kB at 50 kB/s take 3 s, minus what the bucket and the queue hold.
  expect(written - startedAt).toBeGreaterThan(2000)
  expect(read - written).toBeGreaterThan(2000)
})

test('restore() keeps the current limits, not those of the snapshot', async () => {
  await one.link.limit({ latency: 300 })
  const slow = await one.snapshot()
  await one.link.limit({})
  await one.link.down()
  // This plugs the cable in.
  await one.restore(slow)
  expect(await roundTrip(one, network.gateway)).toBeLessThan(300)
})

/** Whether a packet comes back. */
async function reaches(guest: Guest, to: string): Promise<boolean> {
  return (await guest.exec(`ping -c 2 -i 0.3 -W 2 ${to}`, { reject: false })).exitCode === 0
}

test('network.partition() separates the guests from one another, not from the host; network.heal() undoes it', async () => {
  expect(await reaches(one, 'two')).toBe(true)
  for (const groups of [[['one'], ['two', 'three']], [['one']]]) {
    await network.partition(...groups)
    const apart = await Promise.all([reaches(one, 'two'), reaches(two, 'one'), reaches(one, 'three')])
    expect(apart).toEqual([false, false, false])
    expect(await Promise.all([reaches(two, 'three'), reaches(three, 'two')])).toEqual([true, true])
    const toHost = await Promise.all([one, two, three].map((guest) => reaches(guest, network.gateway)))
    expect(toHost).toEqual([true, true, true])
    // A connection that does not exist yet.
    await one.connectSsh()
  }
  await network.partition(['one', 'two'])
  expect(await Promise.all([reaches(one, 'two'), reaches(one, 'three')])).toEqual([true, false])
  await network.heal()
  expect(await Promise.all([reaches(one, 'two'), reaches(two, 'one')])).toEqual([true, true])
  const { stdout } = await one.exec('ip neigh show', { reject: false })
  expect(stdout).toContain(two.macAddress)
})

test('link.limit() limits the card, not a VLAN on it or a bridge with its MAC address', async () => {
  const card = cardOf(one)
  await one.exec(`ip link add link ${card} name ${card}.10 type vlan id 10`)
  await one.exec(`ip link add zz0 type bridge && ip link set zz0 address $(cat /sys/class/net/${card}/address)`)
  // This needs both kernels if the host's has no netem, otherwise only the guest's.
  await one.link.limit({ rate: '10mbit' })
  const qdiscOf = async (name: string) => (await one.exec(`tc qdisc show dev ${name} root`)).stdout
  expect(await qdiscOf(card)).toContain('tbf')
  for (const name of [`${card}.10`, 'zz0']) expect(await qdiscOf(name)).not.toContain('tbf')
  await one.link.limit({})
  expect(await qdiscOf(card)).not.toContain('tbf')
  await one.exec(`ip link delete ${card}.10 && ip link delete zz0`)
})
