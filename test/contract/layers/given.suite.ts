import { expect, test } from 'vitest-guest'

process.stderr.write('a worker has started\n')

test("the layer of the plugin's options", async ({ guest }) => {
  expect(guest).toMatchObject({ started: 'warm', image: 'app' })
  expect((await guest.exec('cat /root/words /run/app')).stdout).toBe('some words\napp')
})
