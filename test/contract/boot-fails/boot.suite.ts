import { test } from 'vitest-guest'

test.override({ guestOptions: { hostname: 'slow', start: 'cold', timeouts: { boot: 500 } } })

test('has no guest', async ({ guest }) => {
  await guest.$`true`
})
