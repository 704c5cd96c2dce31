import { execa } from 'execa'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { describeNetwork, openNetwork, type Attachment, type Network } from '../../src/index.ts'

const CLI = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url))

let network: Network
let web: Attachment

beforeAll(async () => {
  network = await openNetwork()
  web = await network.attach({ hostname: 'web', address: '192.168.100.224' })
  await network.attach({ hostname: 'db', address: '192.168.100.225' })
})
afterAll(() => network[Symbol.asyncDispose]())

async function ip(...words: string[]): Promise<void> {
  const [file, ...args] = network.inside(['ip', ...words])
  await execa(file, args)
}

/** Without the counters, which vary. */
async function drawing(): Promise<string> {
  return (await describeNetwork(network)).replaceAll(/, in \S+ \w+, out \S+ \w+/g, '')
}

test('a network is drawn with its bridge, TAPs and guests', async () => {
  expect(await describeNetwork(network)).toMatch(/^br0 192\.168\.100\.50\/24, up, mtu 1500, in \d+ k?B, out \d+ k?B\n/)
  expect(await drawing()).toBe(`br0 192.168.100.50/24, up, mtu 1500
├─ tap0 up ── web 192.168.100.224
└─ tap1 up ── db 192.168.100.225
`)
})

test('vitest-guest doctor --network draws it from another process', async () => {
  const { stdout } = await execa(process.execPath, [CLI, 'doctor', '--network'])
  const own = stdout.split('\n\n').find((text) => text.startsWith(`A private network of process ${process.pid}\n`))
  expect(own).toContain('\nbr0 192.168.100.50/24, up, mtu 1500')
})

test('a partition that fails half-way leaves the network whole, and what it did not create alone', async () => {
  const whole = await drawing()
  await ip('link', 'add', 'br0p2', 'type', 'bridge')
  await expect(network.partition(['web'], ['db'])).rejects.toThrow(/^Could not partition the network\n[^]*File exists/)
  expect(await drawing()).toBe(whole)
  await ip('link', 'delete', 'dev', 'br0p2')
  await network.partition(['web'], ['db'])
  expect(await drawing()).toContain('br0p2 192.168.100.50/32, up, mtu 1500\n└─ tap1 up ── db 192.168.100.225\n')
  // Something else removes what heal() would remove.
  await ip('link', 'delete', 'dev', 'br0p1')
  await network.heal()
  expect(await drawing()).toBe(whole)
})

test('faults of a network are visible', async () => {
  await ip('link', 'set', 'dev', 'tap0', 'down')
  await ip('link', 'set', 'dev', 'tap1', 'nomaster')
  expect(await drawing()).toBe(`br0 192.168.100.50/24, up, mtu 1500
└─ tap0 DOWN ── web 192.168.100.224
tap1 up ── db 192.168.100.225 ── on NO bridge
`)
  await ip('link', 'delete', 'dev', 'tap1')
  expect(await drawing()).toContain('tap1 is GONE ── db 192.168.100.225\n')
  expect(web.tap).toBe('tap0')
})

test('a part of it, on a separate bridge', async () => {
  await ip('link', 'set', 'dev', 'tap0', 'up')
  await network.partition(['web'])
  expect(await drawing()).toContain('br0p1 192.168.100.50/32, up, mtu 1500\n└─ tap0 up ── web 192.168.100.224\n')
  await network.heal()
  expect(await drawing()).not.toContain('br0p1')
})
