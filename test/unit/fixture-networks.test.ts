import { expect, test } from 'vitest'
import { resolveGuestSpecs, resolveSharing } from '../../fixtures/fixture-options.ts'

test('named networks have separate subnets, and each guest gets its cards', () => {
  const sharing = resolveSharing({
    networks: { left: {}, right: { mtu: 9000 } },
    guests: { client: {}, router: { networks: ['left', 'right', { network: 'right', address: false }] } },
  })
  expect(sharing.networks).toEqual({
    left: { subnet: '192.168.100.0/24' },
    right: { subnet: '192.168.101.0/24', mtu: 9000 },
  })
  expect(sharing.network).toEqual({ subnet: '192.168.100.0/24' })
  expect(sharing.guestSpecs['client']).toEqual({ hostname: 'client', cards: [{ network: 'left' }] })
  expect(sharing.guestSpecs['router']?.cards).toEqual([
    { network: 'left' },
    { network: 'right' },
    { network: 'right', address: false },
  ])
  expect(resolveGuestSpecs(sharing).map(({ address }) => address)).toEqual(['192.168.100.224', '192.168.100.224'])
})

test.for<[object, string, RegExp]>([
  [{ networks: [] }, 'networks', /an object with options for each network/],
  [{ networks: {} }, 'networks', /an object with options for each network/],
  [{ networks: { left: 'private' } }, 'networks.left', /an object; got 'private'/],
  [{ networks: { left: {} }, subnet: '10.0.0.0/24' }, 'subnet', /omitted when networks is set/],
  [{ guests: { a: { networks: ['left'] } } }, 'guests.a.networks[0].network', /omitted unless networks is set/],
  [{ networks: { left: {} }, guests: { a: { networks: ['rihgt'] } } }, 'guests.a.networks[0].network', /one of left/],
  [{ networks: { left: {} }, guests: { a: { networks: [] } } }, 'guests.a.networks', /an array of networks/],
  [
    { networks: { left: {} }, guests: { a: { networks: [{ network: 'left', address: false }] } } },
    'guests.a.networks[0].address',
    /the guest is reached through its first interface/,
  ],
  [
    { networks: { left: {} }, guests: { a: { networks: [{ network: 'left', vlan: 7 }] } } },
    'guests.a.networks[0].vlan',
    /Unknown option/,
  ],
])('%o is refused', ([options, option, message]) => {
  expect(() => resolveSharing(options)).toThrow(expect.objectContaining({ option }) as Error)
  expect(() => resolveSharing(options)).toThrow(message)
})
