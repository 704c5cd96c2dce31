import { test } from 'vitest-guest'

// As boot.suite.ts, for the same worker: the hook that boots belongs to whichever file is the first, and fails it as a whole; the tests of
// the other each ask for the guest. vitest 4 remembers that there was none, 5 makes the fixture again.
test.override({ guestOptions: { hostname: 'slow', start: 'cold', timeouts: { boot: 300 } } })

test('has no guest', async ({ guest }) => {
  await guest.$`true`
})

test('has none either', async ({ guest }) => {
  await guest.$`true`
})
