import { test } from 'vitest-guest'

const start = process.env['GUEST_START']

test.override({ guestOptions: start === 'standby' ? { fresh: 'test' } : { start: start as 'cold' | 'warm' } })

// The guest of the chaos tests: whoever starts this suite kills it.
test('goes on until it is killed', async ({ guest }) => {
  process.stderr.write(`ready ${guest.address}\n`)
  await new Promise(() => setInterval(() => {}, 1000))
})

test('would have the standby', ({ guest }) => void guest)
