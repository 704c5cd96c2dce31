import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest-guest'

test('the guest is a real machine with its own address', async ({ guest }) => {
  const { stdout } = await guest.$`ip -4 -o address show scope global`
  expect(stdout).toContain(`${guest.address}/24`)
})

test('ssh logs in as root', async ({ ssh }) => {
  const user = await new Promise((resolve, reject) => {
    ssh.exec('id -un', (error, channel) => {
      if (error) return reject(error)
      channel.on('data', (chunk: Buffer) => resolve(chunk.toString().trim()))
    })
  })
  expect(user).toBe('root')
})

test('a systemd unit starts and is active', async ({ guest }) => {
  const unit = '[Service]\nExecStart=sleep infinity\n'
  await guest.exec('cat > /etc/systemd/system/nap.service', { input: unit })
  await guest.$`systemctl start nap.service`
  const { stdout } = await guest.$`systemctl is-active nap.service`
  expect(stdout).toBe('active')
})

test('a failing command explains itself', async ({ guest }) => {
  await expect(guest.$`systemctl start no-such.service`).rejects.toThrow('Command failed with exit code 5')
})

test('it runs its own kernel', async ({ guest }) => {
  const { stdout: boot } = await guest.$`cat /proc/sys/kernel/random/boot_id`
  expect(boot).not.toBe(readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim())
})
