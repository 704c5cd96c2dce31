import { expect, test } from 'vitest-guest'

process.stderr.write('a worker has started\n')

test("the guest has the plugin's options, and is a clone of a template", async ({ guest }) => {
  expect(guest.started).toBe('warm')
  const { stdout } = await guest.$`hostname && awk '/^MemTotal/ { print $2 }' /proc/meminfo`
  const [hostname, kib] = stdout.split('\n')
  expect(hostname).toBe('left')
  expect(Number(kib)).toBeGreaterThan(256 * 1024)
  expect(Number(kib)).toBeLessThan(384 * 1024)
})
