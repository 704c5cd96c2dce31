import { expect, test } from 'vitest'
import { bootGuest, prepareGuest } from '../../src/index.ts'

// Everything that follows stands on it, so the group of this file is over before a test asks for a guest; unit tests run meanwhile.
test('the default image and template are built when they are missing, and a guest is a clone', async () => {
  const onProgress = (line: string) => void process.stderr.write(`${line}\n`)
  expect(await prepareGuest({ onProgress })).toMatchObject({ start: 'warm' })
  await using guest = await bootGuest()
  expect(guest.started).toBe('warm')
  expect((await guest.exec('echo ready')).stdout).toBe('ready')
})
