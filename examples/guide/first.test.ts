import { expect, test } from 'vitest-guest'

test('root is logged in', async ({ guest }) => {
  const { stdout } = await guest.$`id -un`
  expect(stdout).toBe('root')
})

test('a value is one word of the command', async ({ guest }) => {
  const file = "/tmp/it's a file"
  await guest.$`touch ${file}`
  await expect(guest).toHaveFile(file, { size: 0, owner: 'root' })
})

test('a command that fails says why', async ({ guest }) => {
  await expect(guest.$`ls /nowhere`).rejects.toThrow('No such file or directory')

  const result = await guest.exec('exit 3', { reject: false })
  expect(result).toExitWith(3)
})
