import { expect, test } from 'vitest-guest'

// An option that needs no other template.
test.override({ guestOptions: { timeouts: { command: 200 } } })

const derived = test.extend('bootId', async ({ guest }) => (await guest.$`cat /proc/sys/kernel/random/boot_id`).stdout)

let bootId: string

test('options set with override reach the guest', async ({ guest }) => {
  await expect(guest.$`sleep 60`).rejects.toThrow(`timed out after ${guest.accel === 'kvm' ? 200 : 2000} milliseconds`)
  bootId = (await guest.$`cat /proc/sys/kernel/random/boot_id`).stdout
})

derived('a derived test has the same guest', ({ bootId: ofDerived }) => {
  expect(ofDerived).toBe(bootId)
})

test('network is the one the guest is on', ({ guest, network }) => {
  expect(guest.network).toBe(network)
  expect(network.attachments).toHaveLength(1)
})

test('a test may close its ssh client', ({ ssh }) => {
  ssh.end()
})

test('the next test still gets a connected one', async ({ ssh, guest }) => {
  const closed = await new Promise((resolve, reject) => {
    ssh.exec('exit 7', (error, channel) => {
      if (error) return reject(error)
      channel.on('exit', resolve).resume()
    })
  })
  expect(closed).toBe(7)
  expect((await guest.$`echo ${'still here'}`).stdout).toBe('still here')
})

test('a test may reboot its guest without waiting for it', async ({ guest }) => {
  await guest.exec('reboot').catch(() => {})
})

test('the next test still gets it booted and connected', async ({ ssh, guest }) => {
  expect(ssh).toBe(guest.ssh)
  const { stdout } = await guest.$`cat /proc/sys/kernel/random/boot_id`
  expect(stdout).not.toBe(bootId)
})
