import { test } from 'vitest-guest'

test.override({ guestOptions: { keep: 'on-failure' } })

test('fails', async ({ guest }) => {
  await guest.exec('echo found > /root/trace; exit 5')
})

test('passes', async ({ guest }) => {
  await guest.$`true`
})
