import { expect, test } from 'vitest-guest'
import { greeter } from './machines.ts'

test.override({ guestOptions: { image: greeter } })

test('the package is installed, and its service runs', async ({ guest }) => {
  await expect(guest).toHavePackage('greet', { version: '1.0' })
  expect(await guest.readFile('/run/greeting', 'utf8')).toBe('hello\n')
})

test('it survives a removal of its files, and is repaired by an installation', async ({ guest }) => {
  await guest.$`rm /usr/bin/greet`
  await guest.$`dpkg --install /root/greet.deb`
  await guest.$`systemctl restart greet`
  await guest.waitForUnit('greet')
})

test('it is removed without a trace', async ({ guest }) => {
  await guest.$`systemctl disable --now greet`
  await guest.$`dpkg --purge greet`
  await expect(guest).not.toHaveFile('/usr/bin/greet')
})
