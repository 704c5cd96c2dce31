import { test } from 'vitest-guest'
import { meetTheOther } from './rendezvous.ts'

test('right', async ({ guest }) => {
  await meetTheOther(guest, 'right', 'left')
}, 300_000)
