import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { type NetworkNamespace, networkNamespace, openElsewhere, type Owner } from '../support/network-namespace.ts'
import { split } from '../support/plug-in.ts'

const GUEST_NETWORK = new URL('../../src/guest/network/open-guest-network.ts', import.meta.url).href
const MAC = '52:54:00:c0:ff:ee'

const OUTSIDE = '203.0.113.1'

/** Plays the host, for outgoing packets. */
let host: NetworkNamespace | undefined
let owner: Owner | undefined
/** Runs a function body in the guest's process, with `guest`, `network` and `inside` in scope. */
const there = (body: string) => (owner as Owner).evaluate(`const { guest, inside } = globalThis\n${body}`)

beforeAll(async () => {
  host = await networkNamespace()
  await host.ip(
    'link add outside type veth peer name other',
    `address add ${OUTSIDE}/24 dev outside`,
    'link set outside up',
    'link set other up',
  )
  owner = await openElsewhere({ mtu: 4000, subnet6: 'fd00:100::/64', egress: { lan: true } }, host.inside)
  const booted = await owner.evaluate(`
    const { OpenGuestNetwork } = await import('${GUEST_NETWORK}')
    const { execa } = await import('execa')
    globalThis.inside = (...command) => {
      const [file, ...args] = network.inside(command)
      return execa(file, args, { reject: false })
    }
    // The name guest is already taken.
    globalThis.guest = await new OpenGuestNetwork(network).boot({ hostname: 'other', macAddress: '${MAC.toUpperCase()}' })`)
  // An error comes back as its message.
  expect(booted).toBeUndefined()
})
afterAll(async () => {
  await owner?.[Symbol.asyncDispose]()
  await host?.[Symbol.asyncDispose]()
})

test('its card has the chosen MAC address', async () => {
  const said = await there(
    `return [guest.macAddress, (await guest.$\`cat /sys/class/net/\${guest.interfaces[0].name}/address\`).stdout]`,
  )
  expect(said).toEqual([MAC, MAC])
})

test("packets of the MTU's size reach it whole, both ways; larger ones do not", async () => {
  const whole = `'-M', 'do', '-s', '${4000 - 28}'`
  const [exitCode, mtu, sockets] = (await there(`
    const { exitCode } = await inside('ping', '-c', '1', '-W', '5', ${whole}, guest.address)
    const mtu = await guest.$\`cat /sys/class/net/\${guest.interfaces[0].name}/mtu\`
    const sockets = await guest.$\`ss -tin state established dport != 0\`
    return [exitCode, mtu.stdout, sockets.stdout]`)) as [number, string, string]
  expect([exitCode, mtu]).toEqual([0, '4000'])
  // A segment may be that long, minus its headers.
  expect(Number(/ advmss:(\d+)/.exec(sockets)?.[1])).toBe(4000 - 52)
})

test('it has its IPv6 address and is reachable there', async () => {
  const [address, exitCode, banner, shown] = (await there(`
    const { exitCode } = await inside('ping', '-c', '1', '-W', '5', guest.address6)
    const socket = await network.dial(guest.address6, 22)
    const [banner] = await socket.take(1).toArray()
    const shown = await guest.$\`ip -6 -o address show dev \${guest.interfaces[0].name}\`
    return [guest.address6, exitCode, String(banner), shown.stdout]`)) as [string, number, string, string]
  expect([address, exitCode]).toEqual(['fd00:100::c0a8:64e1', 0])
  expect(banner).toMatch(/^SSH-2\.0-/)
  expect(shown).toContain('fd00:100::c0a8:64e1/64')
  expect(shown).not.toContain('tentative')
  expect(shown).not.toContain('fe80:')
})

test('with egress it has a default route, a name server, and access to the outside', async () => {
  const program = `
    const server = require('node:net').createServer((socket) => socket.end('the outside'))
    server.listen(80, '${OUTSIDE}', () => console.log('ready'))`
  const server = spawn(...split((host as NetworkNamespace).inside([process.execPath, '-e', program])), {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  onTestFinished(() => void server.kill())
  await once(server.stdout, 'data')
  const said = await there(`return [
    (await guest.$\`ip route show default\`).stdout,
    await guest.readFile('/etc/resolv.conf', 'utf8'),
    (await guest.exec("timeout 20 bash -c 'cat </dev/tcp/${OUTSIDE}/80'")).stdout,
  ]`)
  expect(said).toEqual([
    expect.stringMatching(/^default via 192\.168\.100\.2 dev /),
    expect.stringContaining('nameserver 192.168.100.3\n'),
    'the outside',
  ])
})
