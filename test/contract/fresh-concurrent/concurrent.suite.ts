import { test } from 'vitest-guest'

const fresh = test.override({ guestOptions: { fresh: 'test' } })

fresh.concurrent.for(['one', 'another'])('%s', async (_, { guest }) => {
  await guest.$`sleep 1`
})
