import { readdirSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { expect, testWithGuests } from 'vitest-guest'

const test = testWithGuests({ web: {}, db: {} }, { keep: 'on-failure', fresh: 'test' })

/** The open networks: the guests', and the standby's. */
const networks = () => readdirSync(tmpdir()).filter((name) => name.startsWith('vitest-guest-'))

test('a program crashes in one of them', async ({ guests, network }) => {
  expect(network.guests).toHaveLength(2)
  await guests.web.$`ping -c 1 -W 5 db`
  await guests.db.exec(`echo found > /root/trace; python3 -c 'import ctypes; ctypes.string_at(0)'`, { reject: false })
  await expect.poll(networks, { timeout: 60_000 }).toHaveLength(2)
})

test('nobody was here before', async ({ guests, network }) => {
  expect(network.guests).toHaveLength(2)
  await guests.web.$`ping -c 1 -W 5 db`
  await expect(guests.db).not.toHaveFile('/root/trace')
})
