import { expect, test } from 'vitest'
import { resolveGuestSpecs, resolveSharing } from '../../fixtures/fixture-options.ts'
import { loadOf } from '../../fixtures/setup/worker-limit.ts'
import { hostsBlock } from '../../src/guest/network/guest-registry.ts'
import { freeAddress } from '../../src/options/network/free-address.ts'
import { resolveGuest } from '../../src/options/guest-options.ts'
import { resolveNetwork, type NetworkOptions } from '../../src/options/network/network-options.ts'
import { hasChangeableCards, newIdentity, requireIdentity } from '../../src/template/identity/identity.ts'
import { templateKey, type KeyFacts } from '../../src/template/key.ts'

const network = (options: NetworkOptions = {}) => resolveNetwork(options)

test.for([
  ['the usual one', {}, [], '192.168.100.224'],
  ['the next ones', {}, ['192.168.100.224', '192.168.100.225'], '192.168.100.226'],
  ['not that of the bridge', { gateway: '192.168.100.224' }, [], '192.168.100.225'],
  ['after the last the first', { subnet: '10.0.0.0/29' }, ['10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5'], '10.0.0.6'],
  ['those before it', { subnet: '10.0.0.0/30', gateway: '10.0.0.2' }, [], '10.0.0.1'],
] as const)('a free address is %s', ([, options, taken, expected]) => {
  expect(freeAddress(network(options), taken)).toBe(expected)
})

test('a full network is an error', () => {
  expect(() => freeAddress(network({ subnet: '10.0.0.0/30' }), ['10.0.0.2'])).toThrow(
    /`subnet` must be a subnet with room for more guests than the 1 on it; got '10\.0\.0\.0\/30'/,
  )
})

test('a guest without an address gets a free one; with one it gets that', () => {
  const taken = ['192.168.100.224']
  expect(resolveGuest({}, network(), taken).address).toBe('192.168.100.225')
  expect(resolveGuest({ address: '192.168.100.9' }, network(), taken).address).toBe('192.168.100.9')
})

test('the lines of /etc/hosts name only the others', () => {
  const members = [
    { hostname: 'web', address: '192.168.100.224' },
    { hostname: 'db', address: '192.168.100.225' },
  ]
  expect(hostsBlock(members, 'web')).toBe(
    '# vitest-guest: the other guests on this network\n192.168.100.225\tdb\n# vitest-guest end\n',
  )
  expect(hostsBlock(members.slice(0, 1), 'web')).toBe('')
  // The first one of a guest with several cards there.
  const more = [...members, { hostname: 'db', address: '192.168.100.226' }, { hostname: 'bond', address: undefined }]
  expect(hostsBlock(more, 'web')).toBe(hostsBlock(members, 'web'))
})

const CARD = { macAddress: '52:54:00:00:00:01', address: '192.168.100.224' }
const TEMPLATE = { hostname: 'guest', cards: [{ name: 'ens3', ...CARD }] }
const KEYS = { hostKey: 'private', hostPublicKey: 'public' }

test('a clone of which only the name differs keeps its card', () => {
  expect(newIdentity(TEMPLATE, { hostname: 'web', cards: [CARD] }, KEYS, '')).toMatchObject({
    hostname: { from: 'guest', to: 'web' },
    machineId: expect.stringMatching(/^[0-9a-f]{32}$/) as string,
    cards: [],
  })
})

test('a machine that does not confirm its new identity is an error', () => {
  const to = { hostname: 'web', cards: [{ macAddress: '52:54:00:00:00:02', address: '192.168.100.225' }] }
  const identity = newIdentity(TEMPLATE, to, KEYS, '')
  expect(identity.cards).toEqual([{ name: 'ens3', from: CARD, to: to.cards[0] }])
  const { machineId } = identity
  requireIdentity(identity, JSON.stringify({ cards: to.cards, machineId, hostname: 'web' }))
  for (const wrong of [{ hostname: 'guest' }, { machineId: 'a' }, { cards: TEMPLATE.cards }, { cards: [] }]) {
    const answer = JSON.stringify({ ...to, machineId, ...wrong })
    expect(() => requireIdentity(identity, answer), answer).toThrow(/^The clone could not take the requested identity/)
  }
})

test('guests that differ by name and address have one template, unless it is personal', () => {
  const key = (options: object, hasOwnIdentity = false) => {
    const facts = { ...network(), backend: 'tap' } as KeyFacts['network']
    const spec = resolveGuest(options, network())
    const rest = { accel: 'tcg', imageDigest: 'a', direct: undefined, qemuVersion: '7.2' } as const
    return templateKey({ spec, network: facts, ...rest, hasOwnIdentity })
  }
  const other = { hostname: 'db', address: '192.168.100.9' }
  expect(key(other)).toBe(key({}))
  expect(key(other, true)).not.toBe(key({}, true))
  expect(key({ memory: '1G' })).not.toBe(key({}))
})

test("a card whose address is part of QEMU's state stays as it is", () => {
  const image = { base: 'debian-12' as const, packages: ['linux-image-amd64'] }
  expect(hasChangeableCards(resolveGuest({ image, nic: 'e1000' }, network()))).toBe(false)
  expect(hasChangeableCards(resolveGuest({}, network()))).toBe(true)
})

test('the options of several guests are the common ones and their own, by name', () => {
  const sharing = resolveSharing({
    memory: '1G',
    subnet: '10.0.0.0/24',
    guests: { web: {}, db: { memory: '2G', address: '10.0.0.9' } },
  })
  expect(sharing.network).toEqual({ subnet: '10.0.0.0/24' })
  expect(sharing.guestSpecs).toEqual({
    web: { hostname: 'web', memory: '1G' },
    db: { hostname: 'db', memory: '2G', address: '10.0.0.9' },
  })
  expect(loadOf(resolveGuestSpecs(sharing))).toEqual({ memoryMib: 3072, cpus: 4, guests: 2 })
  expect(resolveSharing({ hostname: 'one' }).guestSpecs).toEqual({ one: { hostname: 'one' } })
})

test.for([
  [{}, 'guests', /an object with options for each guest, by name; got \{\}\nWrite guests: \{ web/],
  [['web'], 'guests', /an object with options for each guest/],
  [{ web: 'big' }, 'guests.web', /must be an object; got 'big'/],
  [{ web: { hostname: 'db' } }, 'guests.web.hostname', /must be omitted; got 'db'\nThe name of a guest is its key/],
  [{ web: { subnet: '10.0.0.0/24' } }, 'guests.web.subnet', /Set subnet next to guests/],
  [{ 'no name': {} }, 'hostname', /one label/],
  [{ web: { colour: 'red' } }, 'colour', /^Unknown option `colour`/],
] as const)('invalid options of several guests: %j', ([guests, option, message]) => {
  const resolve = () => resolveGuestSpecs(resolveSharing({ guests } as object))
  expect(resolve).toThrow(message)
  expect(resolve).toThrow(expect.objectContaining({ option }) as Error)
})
