import { expect, test } from 'vitest'
import { bootGuest, prepareGuest } from '../../src/index.ts'

// Everything else is based on it, so this file's group ends before other tests use guests; unit tests run meanwhile.
test('the default image and template are built when they are missing, and a guest is a clone', async () => {
  const onProgress = (line: string) => void process.stderr.write(`${line}\n`)
  expect(await prepareGuest({ onProgress })).toMatchObject({ start: 'warm' })
  await using guest = await bootGuest()
  expect(guest.started).toBe('warm')
  expect((await guest.exec('echo ready')).stdout).toBe('ready')
})
