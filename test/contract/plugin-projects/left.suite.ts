import { expect, test } from 'vitest-guest'

test("the first project's guest", async ({ guest }) => {
  expect(guest.started).toBe('warm')
  expect((await guest.$`hostname`).stdout).toBe('left')
})
