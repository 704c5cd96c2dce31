// A test of node:test that forgets its guest.
import { test } from 'node:test'
import { bootGuest } from '../../../src/index.ts'

test('forgets its guest', async () => {
  const guest = await bootGuest()
  await guest.$`true`
})
