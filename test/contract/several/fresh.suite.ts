import { expect, testWithGuests } from 'vitest-guest'

const test = testWithGuests({ web: {}, db: {} }, { fresh: 'test', standby: false })

test.for(['first', 'second'])('%s: nobody was here before', async (_, { guests, network }) => {
  expect(network.guests).toHaveLength(2)
  await guests.web.$`ping -c 1 -W 5 db && test ! -e /root/marker && touch /root/marker`
  await guests.db.$`test ! -e /root/marker && touch /root/marker`
})
