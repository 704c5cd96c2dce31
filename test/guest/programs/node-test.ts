// The same under Node's own test runner.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { bootGuest, type Guest } from 'vitest-guest/core'

let guest: Guest
before(async () => {
  guest = await bootGuest()
})
after(() => guest[Symbol.asyncDispose]())

test('runs a command', async () => {
  assert.equal((await guest.$`hostname`).stdout, 'guest')
})

test('a failing command rejects', async () => {
  await assert.rejects(guest.$`exit 3`, { name: 'CommandError', exitCode: 3 })
})
