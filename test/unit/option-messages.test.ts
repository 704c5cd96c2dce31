import { expect, test } from 'vitest'
import { GuestError } from '../../src/errors.ts'
import { resolveGuest } from '../../src/options/guest-options.ts'
import { resolveNetwork } from '../../src/options/network/network-options.ts'

test.for<[string, Record<string, unknown>, RegExp, RegExp]>([
  ['memory without a unit', { memory: '12' }, /`memory` must be a size with its unit.*got '12'/, /memory: '12M'/],
  ['memory that is no size', { memory: 'lots' }, /`memory` must be a size.*got 'lots'/, /memory: '512M'/],
  ['memory too small to boot', { memory: '12M' }, /`memory` must be at least 192M/, /512M/],
  [
    'an address outside the subnet',
    { address: '10.0.0.1' },
    /`address` must be a host address inside the subnet 192\.168\.100\.0\/24/,
    /192\.168\.100\.1 to 192\.168\.100\.254/,
  ],
  [
    "an address equal to the gateway's",
    { address: '192.168.100.50' },
    /`address` must be an address other than the bridge's own/,
    /gateway/,
  ],
  [
    'an address that is not IPv4',
    { address: 'fe80::1' },
    /`address` must be an IPv4 address; got 'fe80::1'/,
    /192\.168\.100\.1 to/,
  ],
  ['a hostname with a space', { hostname: 'web 1' }, /`hostname` must be one label.*got 'web 1'/, /web-1/],
  [
    'a cloudConfig that is text',
    { cloudConfig: 'packages: [nginx]' },
    /`cloudConfig` must be an object/,
    /not YAML text/,
  ],
  [
    'a misspelt option',
    { memroy: '1G' },
    /^Unknown option `memroy`\. Did you mean `memory`\?\n/,
    /^Known options: .*memory/,
  ],
  ['an image name that nobody knows', { image: 'debian-99' }, /`image` must be .*got 'debian-99'/, /debian-12/],
])('%s: what is wrong, and last what to write instead', ([, options, message, hint]) => {
  const error = refusalOf(options)
  expect(error.message).toMatch(message)
  expect(error.hint).toMatch(hint)
  expect(error.message.endsWith(error.hint as string)).toBe(true)
})

function refusalOf(options: Record<string, unknown>): GuestError {
  try {
    resolveGuest(options, resolveNetwork({}))
  } catch (error) {
    expect(error).toBeInstanceOf(GuestError)
    return error as GuestError
  }
  throw new Error('They were not refused')
}
