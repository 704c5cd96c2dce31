import { test } from 'vitest-guest'
import { meetTheOther } from './rendezvous.ts'

test('left', async ({ guest }) => {
  await meetTheOther(guest, 'left', 'right')
}, 300_000)
