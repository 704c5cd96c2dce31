import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test, type Guest } from 'vitest-guest'

const script = fileURLToPath(new URL('inventory.sh', import.meta.url))
const run = promisify(execFile)

/** The script under test, with the guest's ssh_config, whose Host entry `guest.id` has its address, its key and its host key. */
function inventory(guest: Guest) {
  return run(script, [guest.id], { env: { ...process.env, SSH_CONFIG: guest.sshConfig } })
}

test('the script lists the guest', async ({ guest }) => {
  const { stdout } = await inventory(guest)
  expect(stdout).toBe('guest: Debian GNU/Linux 12\n')
})

test('the script fails when sshd is down', async ({ guest }) => {
  // The connection that this command uses stays open: systemd stops only the listener.
  await guest.$`systemctl stop ssh`
  try {
    await expect(inventory(guest)).rejects.toMatchObject({ code: 255 })
  } finally {
    await guest.$`systemctl start ssh`
  }
})
