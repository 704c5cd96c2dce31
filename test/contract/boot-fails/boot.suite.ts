import { test } from 'vitest-guest'

// No kernel boots within that, even with KVM.
test.override({ guestOptions: { hostname: 'slow', start: 'cold', timeouts: { boot: 300 } } })

test('has no guest', async ({ guest }) => {
  await guest.$`true`
})

test('has none either', async ({ guest }) => {
  await guest.$`true`
})
