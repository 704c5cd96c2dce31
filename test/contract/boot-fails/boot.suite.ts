import { test } from 'vitest-guest'

test.override({ guestOptions: { hostname: 'slow', start: 'cold', timeouts: { boot: 1000 } } })

test('has no guest', async ({ guest }) => {
  await guest.$`true`
})
