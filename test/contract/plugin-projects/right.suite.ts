import { expect, test } from 'vitest-guest'

test("the second project's guest", async ({ guest }) => {
  expect(guest.started).toBe('warm')
  const { stdout } = await guest.$`hostname && awk '/^MemTotal/ { print $2 }' /proc/meminfo`
  const [hostname, kib] = stdout.split('\n')
  expect(hostname).toBe('guest')
  expect(Number(kib)).toBeGreaterThan(384 * 1024)
})
