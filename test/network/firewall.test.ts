import { existsSync } from 'node:fs'
import { execa } from 'execa'
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest'
import { whyElsewhere } from '../../src/guest/network/address-conflict.ts'
import { requireTool } from '../../src/host/program/tools.ts'
import { firewallBetween } from '../../src/network/diagnosis/firewall.ts'
import { describeNetwork, openNetwork, type Network } from '../../src/index.ts'
import { networkNamespace, openElsewhere } from '../support/network-namespace.ts'
import { insideNode, plugIn, type Plugged, split } from '../support/plug-in.ts'

const WEB = { hostname: 'web', address: '192.168.100.77', macAddress: '52:54:00:12:34:56' }
const STRANGER = new URL('../../src/guest/network/address-conflict.ts', import.meta.url).href
const FIREWALL = new URL('../../src/network/diagnosis/firewall.ts', import.meta.url).href

let network: Network
let web: Plugged
let db: Plugged
let port: number

beforeAll(async () => {
  network = await openNetwork()
  web = await plugIn(network, `${WEB.address}/24`, WEB.macAddress)
  db = await plugIn(network, '192.168.100.78/24')
  port = await insideNode((command) => web.inside(command), 'hello')
})
afterEach(() => nft('flush ruleset'))
afterAll(async () => {
  await web[Symbol.asyncDispose]()
  await db[Symbol.asyncDispose]()
  await network[Symbol.asyncDispose]()
})

async function nft(rules: string, inside: Network['inside'] = (command) => network.inside(command)): Promise<void> {
  await execa(...split(inside([requireTool('nft'), '-f', '-'])), { input: rules })
}

/** Whether this process reaches the machine, by TCP, within so many milliseconds. */
async function answers(within = 10_000): Promise<boolean> {
  try {
    const socket = await network.dial(WEB.address, port, AbortSignal.timeout(within))
    socket.destroy()
    return true
  } catch {
    return false
  }
}

test.for([
  ['policy', 'input', 'policy drop;', 'packets from'],
  ['rule for the bridge', 'output', 'oifname "br0" drop', 'packets to'],
  ['rule for the address', 'input', 'ip saddr 192.168.100.0/24 ct state established reject', 'packets from'],
  ['chain of its own', 'input', 'ct state invalid drop; meta l4proto tcp jump other', 'packets from'],
] as const)('a firewall that drops by a %s (%s) is named', async ([, hook, rules, direction]) => {
  expect([await whyElsewhere(network, WEB), await answers()]).toEqual([undefined, true])
  await nft(`table inet guard {
    chain other { counter drop; }
    chain ${hook} { type filter hook ${hook} priority 0; ${rules}; }
  }`)
  expect(await answers(700)).toBe(false)
  const error = await whyElsewhere(network, WEB)
  expect(error).toMatchObject({ name: 'NetworkError', lastSeen: `chain ${hook} of table inet guard` })
  expect(error?.message.split('\n')).toEqual([
    `A firewall drops ${direction} guest web: chain ${hook} of table inet guard`,
    `Make it accept packets on br0; nft list chain inet guard ${hook} shows its rules.`,
  ])
})

test('a firewall that accepts answers is not', async () => {
  await nft(`table inet guard {
    chain input { type filter hook input priority 0; policy drop; ct state established,related accept; tcp dport 22 drop; }
    chain forward { type filter hook forward priority 0; iifname "eth0" drop; }
  }`)
  expect(await answers()).toBe(true)
  expect(await whyElsewhere(network, WEB)).toBeUndefined()
  expect(await firewallBetween(network)).toBeUndefined()
})

// Without br_netfilter the kernel does not filter bridged packets.
test.skipIf(!existsSync('/proc/sys/net/bridge'))('one between the guests is named, and drawn', async () => {
  const reaches = async () => {
    const command = db.inside(['ping', '-c', '1', '-W', '1', WEB.address])
    return (await execa(...split(command), { reject: false })).exitCode === 0
  }
  const asks = (setting: 0 | 1) =>
    execa(...split(network.inside(['sh', '-c', `echo ${setting} >/proc/sys/net/bridge/bridge-nf-call-iptables`])))
  await asks(1)
  expect([await firewallBetween(network), await reaches()]).toEqual([undefined, true])
  await nft(
    'table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; iifname "docker0" accept; }; }',
  )
  expect(await reaches()).toBe(false)
  const what = 'A firewall drops packets between guests on br0: chain FORWARD of table ip filter'
  expect((await firewallBetween(network))?.message.split('\n')).toEqual([
    what,
    'Make it accept packets from br0 to br0 (nft list chain ip filter FORWARD shows its rules), or exempt bridged packets: sysctl -w net.bridge.bridge-nf-call-iptables=0',
  ])
  expect((await describeNetwork(network)).split('\n').at(-2)).toBe(what)
  await asks(0)
  expect([await firewallBetween(network), await reaches()]).toEqual([undefined, true])
  await asks(1)
})

test('the same on a host network', async () => {
  const host = await networkNamespace()
  onTestFinished(() => host[Symbol.asyncDispose]())
  const owner = await openElsewhere({ kind: 'host' }, host.inside)
  onTestFinished(() => owner[Symbol.asyncDispose]())
  await nft('table inet f { chain input { type filter hook input priority 0; policy drop; }; }', host.inside)
  await nft('table ip f { chain forward { type filter hook forward priority 0; policy drop; }; }', host.inside)
  const guest = { ...WEB, hostname: 'guest', address: '192.168.100.224' }
  const why = await owner.evaluate(`
    const { whyElsewhere } = await import('${STRANGER}')
    return (await whyElsewhere(network, ${JSON.stringify(guest)})).message`)
  expect(why).toMatch(/^A firewall drops packets from guest guest: chain input of table inet f\n/)
  const between = await owner.evaluate(`
    const { firewallBetween } = await import('${FIREWALL}')
    return (await firewallBetween(network))?.message ?? 'none'`)
  const isAsked = existsSync('/proc/sys/net/bridge')
  expect(between).toMatch(isAsked ? / packets between guests on \S+: chain forward of table ip f\n/ : /^none$/)
})
