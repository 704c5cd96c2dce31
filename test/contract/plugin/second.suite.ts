import { expect, test } from 'vitest-guest'

test.override({ guestOptions: { hostname: 'mine' } })

test("a file's own options override the plugin's, and its guest is a clone of the same template", async ({ guest }) => {
  expect(guest.started).toBe('warm')
  const { stdout } = await guest.$`hostname && awk '/^MemTotal/ { print $2 }' /proc/meminfo`
  const [hostname, kib] = stdout.split('\n')
  expect(hostname).toBe('mine')
  expect(Number(kib)).toBeLessThan(384 * 1024)
})
