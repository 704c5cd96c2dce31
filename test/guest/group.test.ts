import { expect, test } from 'vitest'
import { isOfGroup, startGroup } from '../../fixtures/leases/guest-group.ts'
import type { Guest } from '../../src/index.ts'
import { attend } from '../../src/internal.ts'

// Otherwise a standby would be kept with a failed test's guests, for an hour.
test('a guest of the fixtures is recognized as such from its announcement on; one that a test starts is not', async () => {
  const told: [string, boolean][] = []
  const started = (guest: Guest) => {
    told.push([guest.hostname, isOfGroup(guest)])
    return Promise.resolve()
  }
  using _ = attend({ started, leaving: () => Promise.resolve() })
  await using group = await startGroup({ guestSpecs: { web: { hostname: 'web' } }, network: {}, networks: {} })
  await group.network.boot({ hostname: 'own' })
  expect(told).toEqual([
    ['web', true],
    ['own', false],
  ])
})
