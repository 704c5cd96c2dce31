import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { bootGuest } from '../../src/index.ts'
import { identity } from '../support/identity.ts'

const warnings: string[] = []
const warn = ({ name, message }: Error) => {
  if (name === 'GuestWarning') warnings.push(message)
}

beforeAll(() => void process.on('warning', warn))
afterAll(() => void process.off('warning', warn))
beforeEach(() => void warnings.splice(0))

test('an image that lets nobody change its network files: the guest boots, which is said', async () => {
  const cloudConfig = { runcmd: ['chattr +i /etc/systemd/network/10-cloud-init-*.network'] }
  await using guest = await bootGuest({ address: '192.168.100.77', cloudConfig })
  expect(guest.started).toBe('cold')
  expect(await identity(guest)).toMatchObject({ address: '192.168.100.77', macAddress: guest.macAddress })
  expect(warnings.filter((text) => text.includes('A clone of'))).toEqual([
    expect.stringMatching(
      /^A clone of the template debian-12, 512 MiB, guest could not take the identity of guest guest: .*Operation not permitted.*\. It boots instead\nLet systemd-networkd.*start: 'cold'/,
    ),
  ])
})

test('an image whose card is nobody’s: the guest has a template of its own, which is said', async () => {
  const cloudConfig = { runcmd: ['systemctl disable --now systemd-networkd.socket systemd-networkd.service'] }
  await using guest = await bootGuest({ address: '192.168.100.78', cloudConfig })
  expect(guest.started).toBe('warm')
  expect(guest.phases.map(({ name }) => name)).not.toContain('identity')
  expect(await identity(guest)).toMatchObject({ address: '192.168.100.78', macAddress: guest.macAddress })
  expect(warnings.filter((text) => text.includes('A clone of'))).toEqual([
    expect.stringMatching(
      /cannot change its name or address: \S+ is managed by none of .*\. Guest guest therefore gets its own template/,
    ),
  ])
})
