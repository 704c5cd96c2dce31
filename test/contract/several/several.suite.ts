import { expect, testWithGuests } from 'vitest-guest'

const test = testWithGuests({ web: {}, db: {} })

test('each has its name, and finds the other', async ({ guests, network }) => {
  expect([guests.web.address, guests.db.address]).toEqual(['192.168.100.224', '192.168.100.225'])
  expect(network.guests).toHaveLength(2)
  const { stdout } = await guests.web.$`hostname && ping -c 1 -W 5 db`
  expect(stdout).toMatch(/^web\n(.*\n)*1 packets transmitted, 1 received/)
  await guests.db.$`touch /root/was-here`
})

test('the next test has the same ones', async ({ guests }) => {
  await expect(guests.db).toHaveFile('/root/was-here')
})

test('one that fails', async ({ guests }) => {
  await guests.web.$`echo asked web`
  await guests.db.$`echo asked db`
  expect('so').toBe('not so')
})

test('one in which a program crashes in the second', async ({ guests }) => {
  await guests.db.exec(`python3 -c 'import ctypes; ctypes.string_at(0)'`, { reject: false })
})
