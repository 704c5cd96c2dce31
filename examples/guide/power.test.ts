import { expect, test } from 'vitest-guest'

/** A boot takes most of a minute without KVM. */
const timeout = 600_000

test('a service that is enabled runs after a reboot', { timeout }, async ({ guest }) => {
  const unit = '[Service]\nExecStart=sleep infinity\n[Install]\nWantedBy=multi-user.target\n'
  await guest.writeFile('/etc/systemd/system/nap.service', unit)
  await guest.$`systemctl enable nap`
  await expect(guest).not.toHaveUnit('nap', { active: true })

  await guest.reboot()
  await guest.waitForUnit('nap')
})
