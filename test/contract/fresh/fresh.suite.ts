import { expect, test } from 'vitest-guest'

const dirty = test.override({ guestOptions: { fresh: 'test', standby: process.env['STANDBY'] !== 'off' } })
const networks = new Set<string>()

dirty.for(['first', 'second', 'third'])('%s: nobody was here before', async (name, { guest, network, ssh }) => {
  expect(guest.started).toBe('warm')
  expect(guest.network.socketPath).toBe(network.socketPath)
  networks.add(network.socketPath)
  const { stdout } =
    await guest.$`test ! -e /root/marker && systemctl is-active systemd-logind.service && sysctl -n vm.swappiness && df --output=avail / | tail -1`
  const [logind, swappiness, freeKib] = stdout.split('\n')
  expect({ logind, swappiness }).toEqual({ logind: 'active', swappiness: '60' })
  expect(Number(freeKib)).toBeGreaterThan(1_000_000)
  await guest.$`touch /root/marker && systemctl stop systemd-logind.service && sysctl -qw vm.swappiness=1`
  // A full disk, without writing 8 GB: the file reserves all free space.
  await guest.exec('fallocate -l "$(($(df --output=avail / | tail -1) - 100))K" /root/filler; sync')
  const { stdout: left } = await guest.$`df --output=avail / | tail -1`
  expect(Number(left)).toBeLessThan(100_000)
  process.stderr.write(`${name}: ${networks.size} machine(s) so far\n`)
  ssh.end()
})
