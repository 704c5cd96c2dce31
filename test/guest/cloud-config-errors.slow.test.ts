import { expect, test } from 'vitest'
import { BootError, bootGuest } from '../../src/index.ts'

/** cloud-init sees the exit code of the last command. */
const FAILING = { runcmd: [['true'], ['no-such-program', '--now']] }

test('a failing runcmd fails the start, with the line of the log', async () => {
  const starting = bootGuest({ start: 'cold', cloudConfig: FAILING })
  await expect(starting).rejects.toThrow(BootError)
  await expect(starting).rejects.toMatchObject({
    phase: 'cloud-init',
    option: 'cloudConfig',
    message: expect.stringMatching(
      /^cloud-init failed to apply cloudConfig: runcmd \(module scripts[_-]user\)[^]*no-such-program: not found[^]*WARNING/,
    ) as string,
  })
})

test('so does an unknown key, or a value of the wrong type', async () => {
  const cloudConfig = { write_file: [{ path: '/etc/motd', content: 'hello' }] }
  await expect(bootGuest({ start: 'cold', cloudConfig })).rejects.toThrow(
    /^cloud-init in the guest does not recognize the key `write_file` of cloudConfig\nDid you mean write_files\?/,
  )
  await expect(bootGuest({ start: 'cold', cloudConfig: { runcmd: 7 } })).rejects.toThrow(
    /^cloudConfig does not match cloud-init's schema[^]*runcmd: 7 is not of type/,
  )
})

test("with cloudInitErrors: 'warn' the guest starts, and a warning says what failed", async () => {
  await using guest = await bootGuest({ start: 'cold', cloudConfig: FAILING, cloudInitErrors: 'warn' })
  expect(guest.warnings).toContainEqual(expect.stringMatching(/scripts[_-]user/))
})
