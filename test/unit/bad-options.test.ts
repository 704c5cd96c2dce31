import { expect, test } from 'vitest'
import { resolveSharing } from '../../fixtures/fixture-options.ts'
import { GuestError } from '../../src/errors.ts'
import { bootGuest } from '../../src/guest/start/boot-guest.ts'
import { openNetwork } from '../../src/guest/network/open-guest-network.ts'
import { prepareGuest } from '../../src/guest/start/prepare-guest.ts'
import { resolveWait } from '../../src/guest/wait/wait-until.ts'

/** Every entry point; each refuses before it starts anything. */
const CALLS: [string, (options: never) => unknown][] = [
  ['bootGuest', bootGuest],
  ['prepareGuest', prepareGuest],
  ['openNetwork', openNetwork],
]

const trap = (what: string) => () => {
  throw new Error(`no ${what} here`)
}

async function refusalOf(call: () => unknown): Promise<GuestError> {
  const error = await Promise.resolve()
    .then(call)
    .then(
      () => undefined,
      (reason: unknown) => reason,
    )
  expect(error).toBeInstanceOf(GuestError)
  return error as GuestError
}

test.for(CALLS)('%s names the option whose getter throws', async ([, call]) => {
  const options = Object.defineProperty({}, 'subnet', { enumerable: true, get: trap('subnet') })
  expect(await refusalOf(() => call(options as never))).toMatchObject({
    option: 'subnet',
    message: expect.stringContaining('Option `subnet` cannot be read: no subnet here') as string,
  })
})

test.for(CALLS)('%s refuses proxies that throw', async ([, call]) => {
  const reads = new Proxy({ subnet: '10.0.0.0/24' }, { get: trap('value') })
  expect((await refusalOf(() => call(reads as never))).message).toContain('no value here')
  const lists = new Proxy({}, { ownKeys: trap('names') })
  expect((await refusalOf(() => call(lists as never))).message).toContain('no names here')
  const hidden = new Proxy({}, { getPrototypeOf: trap('prototype') })
  expect((await refusalOf(() => call(hidden as never))).message).toContain('takes an options object')
  const { proxy, revoke } = Proxy.revocable({}, {})
  revoke()
  expect((await refusalOf(() => call(proxy as never))).message).toContain('takes an options object')
})

test.for(CALLS)('%s refuses an invalid AbortSignal, and options that are not an object', async ([, call]) => {
  for (const signal of ['SIGTERM', 1, {}, { aborted: false }, new AbortController()]) {
    expect(await refusalOf(() => call({ signal } as never))).toMatchObject({ option: 'signal' })
  }
  for (const options of [new Map([['memory', '1G']]), new Date(), Object.create({ memory: '1G' }) as object]) {
    expect((await refusalOf(() => call(options as never))).message).toContain('takes an options object')
  }
})

test.for(['onPhase', 'onConsole', 'onProgress'])('%s must be a function', async (name) => {
  expect(await refusalOf(() => bootGuest({ [name]: 'x' }))).toMatchObject({
    option: name,
    message: expect.stringContaining(`\`${name}\` must be a function; got 'x'`) as string,
  })
  expect(await refusalOf(() => prepareGuest({ [name]: 'x' }))).toMatchObject({ option: name })
})

test.for<[string, unknown, string]>([
  ['a Map', { users: new Map() }, 'cloudConfig.users'],
  ['a Set in a list', { runcmd: [['true'], new Set()] }, 'cloudConfig.runcmd[1]'],
  ['a symbol', { users: [{ name: Symbol('x') }] }, 'cloudConfig.users[0].name'],
  ['a symbol for a name', { [Symbol('x')]: 1 }, 'cloudConfig[Symbol(x)]'],
  ['a function', { runcmd: [() => 1] }, 'cloudConfig.runcmd[0]'],
  ['a BigInt', { swap: { size: 1n } }, 'cloudConfig.swap.size'],
  ['no number', { swap: { size: Number.NaN } }, 'cloudConfig.swap.size'],
  ['a gap in a list', { runcmd: [undefined] }, 'cloudConfig.runcmd[0]'],
  [
    'a getter that throws',
    { a: Object.defineProperty({}, 'b', { enumerable: true, get: trap('b') }) },
    'cloudConfig.a.b',
  ],
])('a cloudConfig with %s is refused', async ([, cloudConfig, option]) => {
  expect(await refusalOf(() => bootGuest({ cloudConfig: cloudConfig as never }))).toMatchObject({ option })
})

test('a cloudConfig that contains itself, or is not an object, is refused', async () => {
  const circle: Record<string, unknown> = {}
  circle['again'] = [circle]
  expect(await refusalOf(() => bootGuest({ cloudConfig: circle }))).toMatchObject({ option: 'cloudConfig.again[0]' })
  for (const cloudConfig of [new Map(), [], 'packages: []', Symbol('x')]) {
    expect(await refusalOf(() => bootGuest({ cloudConfig: cloudConfig as never }))).toMatchObject({
      option: 'cloudConfig',
    })
  }
  let deep: unknown = []
  for (let level = 0; level < 10_000; level++) deep = [deep]
  expect((await refusalOf(() => bootGuest({ cloudConfig: { deep } }))).message).toContain('levels')
})

test.for<[string, Record<string, unknown>, RegExp]>([
  ['hostname', { hostname: 'localhost' }, /every machine uses for itself/],
  ['hostname', { hostname: 'LocalHost' }, /every machine uses for itself/],
  ['rootPassword', { rootPassword: 'x'.repeat(1_000_000) }, /at most 511 bytes long; got '1000000 bytes'/],
  ['rootPassword', { rootPassword: 'é'.repeat(256) }, /got '512 bytes'/],
  ['rootPassword', { rootPassword: 'a\0b' }, /without NUL/],
  ['subnet', { subnet: '10.0.0.5/24' }, /first address[^]*subnet: '10\.0\.0\.0\/24'/],
  ['subnet', { subnet: '10.0.0.0/024' }, /IPv4 subnet from \/8/],
  ['subnet', { subnet: Symbol('x') }, /IPv4 subnet/],
  ['subnet6', { network: { subnet6: 'fd00::1/64' } }, /first address[^]*subnet6: 'fd00::\/64'/],
  ['network', { network: new Map() }, /a network kind or an object/],
  ['memory', { memory: Symbol('x') }, /size with its unit/],
  ['image.base', { image: Object.defineProperty({}, 'base', { enumerable: true, get: trap('base') }) }, /no base/],
  ['image', { image: '/tmp/a\0b' }, /absolute path/],
  [
    'timeouts.boot',
    { timeouts: Object.defineProperty({}, 'boot', { enumerable: true, get: trap('limit') }) },
    /no limit/,
  ],
])('a bad %s is refused at once', async ([option, options, message]) => {
  const error = await refusalOf(() => bootGuest(options))
  expect(error.option).toBe(option)
  expect(error.message).toMatch(message)
  expect(error.message.length).toBeLessThan(1000)
})

test('so are options of fixtures and of waits', async () => {
  const guests = Object.defineProperty({}, 'web', { enumerable: true, get: trap('web') })
  expect(await refusalOf(() => resolveSharing({ guests }))).toMatchObject({ option: 'guests.web' })
  expect(await refusalOf(() => resolveWait({ signal: 'x' as never }, 'kvm'))).toMatchObject({ option: 'signal' })
})

test('a value whose own inspection throws is still shown', async () => {
  const odd = { [Symbol.for('nodejs.util.inspect.custom')]: trap('picture') }
  expect(await refusalOf(() => bootGuest({ cpus: odd as never }))).toMatchObject({ option: 'cpus' })
})
