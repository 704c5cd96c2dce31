import { expect, test } from 'vitest-guest'

test("the first project's guest", async ({ guest }) => {
  expect(guest.start).toBe('warm')
  expect((await guest.$`hostname`).stdout).toBe('left')
})
