import { expect, test } from 'vitest-guest'

test('what was synced outlives a loss of power', { timeout: 600_000 }, async ({ guest }) => {
  await guest.exec('echo paid > /var/lib/orders; sync')

  await guest.crash()
  expect(guest.state).toBe('off')
  await guest.start()

  await expect(guest).toHaveFile('/var/lib/orders', { content: 'paid\n' })
})
