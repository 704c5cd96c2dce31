import { test } from 'vitest-guest'

test.override({ guestOptions: { hostname: 'other' } })

test('with other options', ({ guest }) => void guest)
