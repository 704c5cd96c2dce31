import { expect, test } from 'vitest-guest'
import { app, upper } from './machines.ts'

process.stderr.write('a worker has started\n')

test.override({ guestOptions: { image: upper } })

test('a layer that the file imports', async ({ guest }) => {
  expect(guest).toMatchObject({ started: 'warm', image: 'upper' })
  expect((await guest.exec('cat /run/app /run/upper')).stdout).toBe('app\nupper')
})

test('the one of the plugin, imported', async ({ network }) => {
  await using guest = await network.boot({ image: app, hostname: 'second' })
  expect((await guest.exec('hostname; cat /run/app')).stdout).toBe('second\napp')
})
