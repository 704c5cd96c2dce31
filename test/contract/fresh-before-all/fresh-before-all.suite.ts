import { test } from 'vitest-guest'

const fresh = test.override({ guestOptions: { fresh: 'test' } })

fresh.beforeAll(async ({ guest }) => {
  await guest.$`touch /root/marker`
})

fresh('has what beforeAll made', async ({ guest }) => {
  await guest.$`test -e /root/marker`
})

fresh('has it too', async ({ guest }) => {
  await guest.$`test -e /root/marker`
})
