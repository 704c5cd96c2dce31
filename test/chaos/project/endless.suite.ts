import { test } from 'vitest-guest'

test.override({ guestOptions: { start: 'cold' } })

// The guest of the chaos tests: whoever starts this suite kills it.
test('goes on until it is killed', async ({ guest }) => {
  process.stderr.write(`ready ${guest.address}\n`)
  await new Promise(() => setInterval(() => {}, 1000))
})
