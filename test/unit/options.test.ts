import { expect, test } from 'vitest'
import { GuestError } from '../../src/errors.ts'
import { bootGuest, openNetwork } from '../../src/index.ts'
import { resolveGuest, type GuestOptions } from '../../src/options/guest-options.ts'
import { address6In, type Subnet6 } from '../../src/address/ipv6.ts'
import { networkOptionsOf, resolveNetwork, specLike } from '../../src/options/network/network-options.ts'

const guest = (options: GuestOptions, subnet?: string) =>
  resolveGuest(options, resolveNetwork(subnet === undefined ? {} : { subnet }))

test('every default is filled in', () => {
  expect(guest({})).toEqual({
    image: { base: 'debian-12', packages: [] },
    memoryMib: 512,
    cpus: 2,
    hostname: 'guest',
    address: '192.168.100.224',
    addressing: 'static',
    rootPassword: undefined,
    cloudConfig: {},
    cloudInitErrors: 'throw',
    kernelParameters: [],
    accel: 'auto',
    nic: 'virtio-net-pci',
    start: 'warm',
    timeouts: { boot: 60_000, command: 60_000 },
  })
})

test('another subnet has its own default addresses', () => {
  expect(resolveNetwork({ subnet: '10.1.2.72/29' })).toMatchObject({
    kind: 'auto',
    subnet: expect.objectContaining({ cidr: '10.1.2.72/29', broadcast: '10.1.2.79' }) as object,
    gateway: '10.1.2.73',
    mtu: 1500,
  })
  expect(guest({}, '10.1.2.72/29').address).toBe('10.1.2.74')
  expect(resolveNetwork({ subnet: '192.168.0.0/16' }).gateway).toBe('192.168.100.50')
})

test('the network to open is a kind or an object; anything else is refused', () => {
  expect(networkOptionsOf({ network: 'private', subnet: '10.1.2.0/24' })).toEqual({
    kind: 'private',
    subnet: '10.1.2.0/24',
  })
  expect(networkOptionsOf({ network: { gateway: '192.168.100.9' } })).toEqual({ gateway: '192.168.100.9' })
  expect(() => networkOptionsOf({ network: 7 as never })).toThrow(/`network` must be a network kind or an object/)
  expect(() => resolveNetwork({ vlan: 1 } as never)).toThrow(/^Unknown option `vlan`\nKnown options: kind, subnet/)
})

test.for([
  ['256M', 256],
  ['1G', 1024],
  ['2GiB', 2048],
  ['768 mb', 768],
] as const)('memory %s is %i MiB', ([memory, mib]) => {
  expect(guest({ memory }).memoryMib).toBe(mib)
})

test('packages are sorted, each once', () => {
  const image = { base: 'debian-12' as const, packages: ['nginx', 'acl', 'nginx'] }
  expect(guest({ image }).image).toEqual({ base: 'debian-12', packages: ['acl', 'nginx'] })
})

const CYCLIC: Record<string, unknown> = {}
CYCLIC['again'] = CYCLIC

test.for<[string, GuestOptions | Record<string, unknown>, string]>([
  ['a relative path', { image: './disk.qcow2' }, 'image'],
  ['a package with a blank', { image: { base: 'debian-12', packages: ['nginx; reboot'] } }, 'image.packages'],
  ['a disk by a relative path', { image: { path: 'disk.qcow2' } }, 'image'],
  ['a misspelt field of a disk', { image: { path: '/disk.qcow2', baking: true } }, 'image.baking'],
  ['a disk that may build on others or not', { image: { path: '/disk.qcow2', backing: 'yes' } }, 'image.backing'],
  ['another way to take errors of cloud-init', { cloudInitErrors: 'ignore' }, 'cloudInitErrors'],
  ['a misspelt field of an image', { image: { base: 'debian-12', package: ['nginx'] } }, 'image.package'],
  ['no CPU', { cpus: 0 }, 'cpus'],
  ['an empty password', { rootPassword: '' }, 'rootPassword'],
  ['a list as cloudConfig', { cloudConfig: ['runcmd'] }, 'cloudConfig'],
  ['a cloudConfig that has itself in it', { cloudConfig: CYCLIC }, 'cloudConfig.again'],
  ['the broadcast address', { address: '192.168.100.255' }, 'address'],
  ['the network address', { address: '192.168.100.0' }, 'address'],
  ['an unknown NIC', { nic: 'rtl8139' }, 'nic'],
  ['e1000 without a driver for it', { nic: 'e1000' }, 'nic'],
  ['a MAC address with dashes', { macAddress: '52-54-00-12-34-56' }, 'macAddress'],
  ['the MAC address of nobody', { macAddress: '00:00:00:00:00:00' }, 'macAddress'],
  ['a multicast MAC address', { macAddress: '33:33:00:00:00:01' }, 'macAddress'],
  ['an unknown accelerator', { accel: 'hvf' }, 'accel'],
  ['a time-out of nothing', { timeouts: { boot: 0 } }, 'timeouts.boot'],
  ['a misspelt time-out', { timeouts: { bot: 1 } }, 'timeouts.bot'],
])('%s is refused, naming the option and what to write', ([, options, option]) => {
  const attempt = () => guest(options)
  expect(attempt).toThrow(GuestError)
  expect(attempt).toThrow(expect.objectContaining({ option, hint: expect.stringMatching(/./) as string }) as Error)
})

test.for(['127.0.0.0/8', '224.0.0.0/24', '0.1.2.0/24', '240.0.0.0/8'])(
  'no machine can have an address in %s',
  (subnet) => {
    expect(() => resolveNetwork({ subnet })).toThrow(/`subnet` must be a subnet of unicast addresses/)
  },
)

test('duplicates are refused', () => {
  const options = { network: { subnet: '10.9.0.0/24' }, subnet: '10.8.0.0/24' }
  expect(() => networkOptionsOf(options)).toThrow(/`subnet` must be omitted when network\.subnet is set/)
})

test('e1000 is for images with a kernel that drives it', () => {
  expect(guest({ nic: 'e1000', image: { base: 'debian-12', packages: ['linux-image-amd64'] } }).nic).toBe('e1000')
  expect(guest({ nic: 'e1000', image: '/disk.qcow2' }).nic).toBe('e1000')
})

test.for(['192.168.100.0', '192.168.100.0/31', '192.168.100.0/7', 'fe80::/64', ''])(
  'subnet %s is refused',
  (subnet) => {
    expect(() => resolveNetwork({ subnet })).toThrow(/`subnet` must be an IPv4 subnet from \/8 to \/30/)
  },
)

test('a MAC address is used in lower case, and refused with the reason if it is invalid', () => {
  expect(guest({ macAddress: '52:54:00:AB:CD:EF' }).macAddress).toBe('52:54:00:ab:cd:ef')
  expect(() => guest({ macAddress: '52:54:00' })).toThrow(/must be six hexadecimal bytes/)
  expect(() => guest({ macAddress: '00:00:00:00:00:00' })).toThrow(/must be a non-zero address/)
  expect(() => guest({ macAddress: '53:54:00:12:34:56' })).toThrow(
    /must be a unicast address, not a multicast one.*\n.*'52:54:00:12:34:56'/,
  )
})

test('IPv6 addresses have the same last bytes as the IPv4 ones', () => {
  const { subnet6 } = resolveNetwork({ subnet6: 'fd00:0100:0::/64' })
  expect(subnet6).toEqual({ cidr: 'fd00:100::/64', prefix: 64 })
  const { subnet6: longest } = resolveNetwork({ subnet6: '2001:db8:1:2:3:4:0:0/96' })
  expect(longest?.cidr).toBe('2001:db8:1:2:3:4::/96')
  expect(address6In(subnet6 as Subnet6, '192.168.100.224')).toBe('fd00:100::c0a8:64e0')
  expect(address6In(longest as Subnet6, '10.0.0.1')).toBe('2001:db8:1:2:3:4:a00:1')
})

test.for([
  'fd00::/97',
  'fd00::/8',
  'fd00::',
  '10.0.0.0/16',
  'fe80::/64',
  'ff02::/64',
  '::/64',
  'fd00::%eth0/64',
  'x/64',
])('subnet6 %s is refused', (subnet6) => {
  expect(() => resolveNetwork({ subnet6 })).toThrow(expect.objectContaining({ option: 'subnet6' }) as Error)
})

test('a network that leases addresses has a range for them, which static addresses must not use', () => {
  const network = resolveNetwork({ addressing: 'dhcp' })
  expect(network.dhcpRange).toEqual({ first: '192.168.100.100', last: '192.168.100.199' })
  expect(resolveGuest({}, network)).toMatchObject({ addressing: 'dhcp', address: '192.168.100.100' })
  expect(resolveGuest({}, network, ['192.168.100.100']).address).toBe('192.168.100.101')
  expect(resolveGuest({ address: '192.168.100.150' }, network).address).toBe('192.168.100.150')
  expect(resolveGuest({ addressing: 'static' }, network).address).toBe('192.168.100.224')
  expect(() => resolveGuest({ addressing: 'static', address: '192.168.100.150' }, network)).toThrow(
    /`address` must be outside the network's DHCP range \(192\.168\.100\.100 to 192\.168\.100\.199\)/,
  )
  const small = resolveNetwork({ subnet: '10.0.0.0/30', addressing: 'dhcp' })
  expect(small.dhcpRange).toEqual({ first: '10.0.0.2', last: '10.0.0.2' })
  expect(() => resolveGuest({}, small, ['10.0.0.2'])).toThrow(/`dhcpRange` must be a range with a free address left/)
  expect(() => guest({ addressing: 'dhcp' })).toThrow(/must be 'static' on a network without DHCP/)
  expect(networkOptionsOf({ addressing: 'dhcp' })).toEqual({ addressing: 'dhcp' })
})

test.for<[string, unknown]>([
  ['a text', '192.168.100.1-192.168.100.9'],
  ['one address', ['192.168.100.9']],
  ['addresses of another subnet', ['10.0.0.1', '10.0.0.9']],
  ['the higher one first', ['192.168.100.9', '192.168.100.1']],
])('a range that is %s is refused', ([, dhcpRange]) => {
  const attempt = () => resolveNetwork({ addressing: 'dhcp', dhcpRange: dhcpRange as never })
  expect(attempt).toThrow(expect.objectContaining({ option: 'dhcpRange' }) as Error)
  expect(() => resolveNetwork({ dhcpRange: ['192.168.100.1', '192.168.100.9'] })).toThrow(/without addressing: 'dhcp'/)
})

test('the MTU must be one that every card supports, and IPv6 needs more', () => {
  expect(resolveNetwork({ mtu: 576 }).mtu).toBe(576)
  expect(resolveNetwork({ mtu: 9000, subnet6: 'fd00::/64' }).mtu).toBe(9000)
  for (const mtu of [575, 16_111, 1500.5, '1500' as never]) {
    expect(() => resolveNetwork({ mtu })).toThrow(/`mtu` must be a whole number of bytes from 576 to 16110/)
  }
  expect(() => resolveNetwork({ mtu: 1279, subnet6: 'fd00::/64' })).toThrow(/from 1280 \(the least for IPv6\)/)
})

test('egress is off by default, and its addresses are not available to guests', () => {
  expect(resolveNetwork().egress).toBeUndefined()
  expect(resolveNetwork({ egress: false }).egress).toBeUndefined()
  const network = resolveNetwork({ egress: true, subnet: '10.0.0.0/25' })
  expect(network.egress).toEqual({ router: '10.0.0.2', nameServer: '10.0.0.3', lan: false })
  expect(resolveNetwork({ egress: { lan: true } }).egress).toMatchObject({ lan: true })
  expect(resolveNetwork({ egress: {} }).egress).toMatchObject({ lan: false })
  expect(specLike(resolveNetwork({ egress: { lan: true } }), 'private').egress).toMatchObject({ lan: true })
  expect(resolveGuest({}, network).address).toBe('10.0.0.4')
  expect(() => resolveGuest({ address: '10.0.0.3' }, network)).toThrow(
    /`address` must be an address other than 10\.0\.0\.2 and/,
  )
  const leased = resolveNetwork({ egress: true, addressing: 'dhcp', subnet: '10.0.0.0/25' })
  expect(resolveGuest({}, leased).address).toBe('10.0.0.4')
  expect(() => resolveNetwork({ egress: true, subnet: '10.0.0.0/26' })).toThrow(/at least 128 addresses/)
  expect(() => resolveNetwork({ egress: true, gateway: '192.168.100.2' })).toThrow(/which egress uses/)
  expect(() => resolveNetwork({ egress: 'yes' as never })).toThrow(/`egress` must be true, false, or an object/)
  expect(() => resolveNetwork({ egress: { lan: 1 as never } })).toThrow(/`egress.lan` must be true or false; got 1/)
  expect(() => resolveNetwork({ egress: { wan: true } as never })).toThrow(
    /^Unknown option `egress\.wan`\. Did you mean `egress\.lan`\?/,
  )
})

test.for<[string, (options: never) => Promise<unknown>]>([
  ['bootGuest()', bootGuest],
  ['openNetwork()', openNetwork],
])('%s refuses what is no object of options', async ([call, open]) => {
  for (const options of [[], null, 'debian-12'] as never[]) {
    await expect(open(options)).rejects.toThrow(`${call} takes an options object; got `)
  }
})
