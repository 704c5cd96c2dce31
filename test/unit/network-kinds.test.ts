import { expect, test } from 'vitest'
import { GuestError, NetworkError } from '../../src/errors.ts'
import { chooseSubnet, takenBy } from '../../src/network/host/choose-subnet.ts'
import type { HostLink } from '../../src/network/diagnosis/topology.ts'
import type { HostRecord } from '../../src/network/host/host-record.ts'
import { restoreCommands } from '../../src/network/ip-commands.ts'
import { userNetdev } from '../../src/network/user/user-network.ts'
import { connections } from '../../src/network/user/usernet.ts'
import { verifyBridge, verifyTap } from '../../src/network/host/verify-links.ts'
import { movedTo, resolveGuest } from '../../src/options/guest-options.ts'
import { networkOptionsOf, resolveNetwork } from '../../src/options/network/network-options.ts'

const RECORD: HostRecord = {
  id: 'abcdef',
  holder: { pid: 1, startTime: 1 },
  owner: 42,
  boot: 'now',
  namespaces: { net: 1, pid: 1 },
  bridge: 'br0',
  subnet: '192.168.102.0/24',
  own: ['192.168.102.1/24', 'fd00::1/64'],
}

test('the default subnet moves past all that are in use', () => {
  const routes = [
    { dst: 'default', dev: 'eth0' },
    { dst: '192.168.100.0/23', dev: 'eth0' },
    { dst: '192.168.103.7', dev: 'wg0' },
  ]
  const addresses = new Map([['eth1', [{ local: '192.168.104.9', prefixlen: 24 }]]])
  const taken = takenBy(routes, addresses, [RECORD])
  expect(chooseSubnet(resolveNetwork(), taken)).toMatchObject({
    subnet: { cidr: '192.168.105.0/24' },
    gateway: '192.168.105.1',
  })
  expect(chooseSubnet(resolveNetwork({ subnet: '10.0.0.0/24' }), taken).gateway).toBe('10.0.0.1')
  expect(chooseSubnet(resolveNetwork(), [])).toMatchObject({ gateway: '192.168.100.50' })
})

test.for([
  [{ subnet: '192.168.101.0/28' }, 'the route 192.168.100.0/23 dev eth0'],
  [{ subnet: '192.168.102.0/24' }, 'the network 192.168.102.0/24 of process 42'],
  [{ subnet: '192.168.104.8/30' }, 'the address 192.168.104.9/24 of eth1'],
  [{ gateway: '192.168.100.1' }, 'the route 192.168.100.0/23 dev eth0'],
] as const)('a chosen %o is refused: it overlaps %s', ([options, obstacle]) => {
  const addresses = new Map([['eth1', [{ local: '192.168.104.9', prefixlen: 24 }]]])
  const taken = takenBy([{ dst: '192.168.100.0/23', dev: 'eth0' }], addresses, [RECORD])
  const choose = () => chooseSubnet(resolveNetwork(options), taken)
  expect(choose).toThrow(NetworkError)
  expect(choose).toThrow(new RegExp(`^The subnet \\S+ overlaps ${obstacle.replaceAll('.', '\\.')}\n`))
})

test.for([
  ['fd00:1:2::/64', 'the route fd00:1::/32 dev eth0'],
  ['fd00:3::/48', 'the route fd00:3:0:7::1 dev wg0'],
  ['fd00:4::/64', 'the address fd00:4::9/64 of eth1'],
  ['fd00:5::/64', 'the network fd00:5::/64 of process 42'],
] as const)('subnet6 %s is refused: it overlaps %s', ([subnet6, obstacle]) => {
  const routes = [
    { dst: 'default', dev: 'eth0' },
    { dst: 'fd00:1::/32', dev: 'eth0' },
    { dst: 'fd00:3:0:7::1', dev: 'wg0' },
  ]
  const addresses = new Map([['eth1', [{ local: 'fd00:4::9', prefixlen: 64 }]]])
  const taken = takenBy(routes, addresses, [{ ...RECORD, subnet6: 'fd00:5::/64' }])
  expect(() => chooseSubnet(resolveNetwork({ subnet6 }), taken)).toThrow(
    `The subnet ${subnet6} overlaps ${obstacle}\nUse another one, such as subnet6: `,
  )
  expect(chooseSubnet(resolveNetwork({ subnet6: 'fd00:6::/64' }), taken)).toMatchObject({
    subnet: { cidr: '192.168.100.0/24' },
    subnet6: { cidr: 'fd00:6::/64' },
  })
})

test('on a host that routes all of 192.168.0.0/16, the error asks for a subnet', () => {
  const taken = takenBy([{ dst: '192.168.0.0/16', dev: 'eth0' }], new Map(), [])
  expect(() => chooseSubnet(resolveNetwork(), taken)).toThrow(
    /overlaps the route 192\.168\.0\.0\/16 dev eth0\nUse another/,
  )
})

test('a chosen address determines the network', () => {
  expect(resolveNetwork(networkOptionsOf({ network: 'host' })).isMovable).toBe(true)
  expect(resolveNetwork(networkOptionsOf({ network: 'host', address: '192.168.100.7' })).isMovable).toBe(false)
})

test('a guest whose network had to move has an address there, and is otherwise the same', () => {
  const before = resolveNetwork({ kind: 'host' })
  const guest = resolveGuest({ memory: '1G' }, before)
  expect(movedTo(before, guest, before)).toBe(guest)
  const moved = chooseSubnet(before, [{ dst: before.subnet.cidr, what: 'the route' }])
  expect(movedTo(moved, guest, before)).toEqual({ ...guest, address: '192.168.101.2' })
})

test.for([
  [{ kind: 'host', bridge: 'br0' }, 'bridge', /an object; got 'br0'/],
  [{ kind: 'host', bridge: null }, 'bridge', /an object; got null/],
  [{ kind: 'host', bridge: { name: 'a'.repeat(16) } }, 'bridge.name', /at most 15 characters/],
  [{ kind: 'host', bridge: { name: 'a b' } }, 'bridge.name', /a valid interface name; got 'a b'/],
  [{ kind: 'host', bridge: { name: '..' } }, 'bridge.name', /a valid interface name/],
  [{ kind: 'host', bridge: {} }, 'bridge.name', /a valid interface name; got undefined/],
  [
    { kind: 'host', bridge: { name: 'br0', adpot: true } },
    'bridge.adpot',
    /^Unknown option `bridge\.adpot`\. Did you mean `bridge\.adopt`\?/,
  ],
  [{ kind: 'host', bridge: { name: 'br0', adopt: 'yes' } }, 'bridge.adopt', /true or false; got 'yes'/],
  [{ bridge: { name: 'br0' } }, 'bridge', /omitted unless kind is 'host'/],
  [{ kind: 'hsot' }, 'kind', /one of 'auto', 'private', 'host', 'user'; got 'hsot'/],
] as const)('%o is refused', ([options, option, message]) => {
  const resolve = () => resolveNetwork(options as never)
  expect(resolve).toThrow(expect.objectContaining({ option, name: GuestError.name }) as Error)
  expect(resolve).toThrow(message)
})

const TAP: HostLink = {
  ifname: 't0',
  flags: ['UP'],
  mtu: 1500,
  master: 'b0',
  linkinfo: { info_data: { type: 'tap', user: 4321 } },
}

test.for([
  [{ ...TAP, flags: [] }, 'The TAP t0 was created, but it is not up'],
  [{ ...TAP, master: undefined }, 'The TAP t0 was created, but it is on no bridge instead of b0'],
  [{ ...TAP, master: 'b1' }, 'The TAP t0 was created, but it is on b1 instead of b0'],
  [{ ...TAP, linkinfo: {} }, 'The TAP t0 was created, but it belongs to nobody instead of user 4321'],
] as const)('a TAP that has changed: %o', ([link, message]) => {
  expect(() => verifyTap(link as HostLink, 'b0', 4321)).toThrow(message)
  verifyTap(TAP, 'b0', 4321)
})

test('a bridge that has changed', () => {
  const link: HostLink = { ifname: 'b0', flags: ['UP'], mtu: 1500 }
  const own = { local: '10.0.0.1', prefixlen: 24 }
  verifyBridge(link, [own], '10.0.0.1')
  expect(() => verifyBridge({ ...link, flags: [] }, [own], '10.0.0.1')).toThrow(/but it is not up/)
  expect(() => verifyBridge(link, [], '10.0.0.1')).toThrow(/has lost its address 10\.0\.0\.1/)
  expect(() => verifyBridge(link, [own, { local: '10.9.0.1', prefixlen: 16 }], '10.0.0.1')).toThrow(
    /has an address that is not the network's: 10\.9\.0\.1\/16/,
  )
})

test('an adopted bridge is restored in reverse order', () => {
  const old = { local: '10.9.0.1', prefixlen: 16, broadcast: '10.9.255.255', scope: 'global' }
  expect(restoreCommands(RECORD, { isUp: false, mtu: 1400, addresses: [old] })).toBe(
    [
      'address delete 192.168.102.1/24 dev br0',
      'address delete fd00::1/64 dev br0',
      'address add 10.9.0.1/16 broadcast 10.9.255.255 scope global dev br0',
      'link set dev br0 mtu 1400',
      'link set dev br0 down',
      '',
    ].join('\n'),
  )
})

test("QEMU's network is the requested one, and lets nothing out", () => {
  expect(userNetdev(resolveNetwork({ subnet: '10.1.2.0/30' }), '10.1.2.2')).toBe(
    'user,restrict=on,ipv6=off,net=10.1.2.0/30,host=10.1.2.1,dns=10.1.2.0,dhcpstart=10.1.2.2',
  )
})

test("QEMU's table of connections", () => {
  const table = `Hub -1 (net0):\r
  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\r
  TCP[HOST_FORWARD]  10       127.0.0.1 45671 192.168.100.224    22     0     0\r
  TCP[ESTABLISHED]    3       127.0.0.1 42643 192.168.100.224    22     0     0\r
  TCP[SYN_SENT]       4 192.168.100.224 42643      10.0.0.1    80     0     0\r
  UDP[236 sec]       27 192.168.100.224 46413      10.0.2.3    53     0     0\r\n`
  expect(connections(table)).toEqual([
    { state: 'HOST_FORWARD', hostPort: 45671, address: '192.168.100.224', port: 22 },
    { state: 'ESTABLISHED', hostPort: 42643, address: '192.168.100.224', port: 22 },
  ])
})
