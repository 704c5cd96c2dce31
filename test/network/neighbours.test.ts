import { afterAll, beforeAll, expect, test } from 'vitest'
import { requireUnanswered, whyElsewhere } from '../../src/guest/network/address-conflict.ts'
import type { Network } from '../../src/network/network.ts'
import { openNetwork } from '../../src/network/open-network.ts'
import { plugIn, type Plugged } from '../support/plug-in.ts'

const MAC = '52:54:00:12:34:56'

let network: Network
let machine: Plugged

beforeAll(async () => {
  network = await openNetwork()
  machine = await plugIn(network, '192.168.100.77/24', MAC)
  // Two of our machines, so that the network does not count as empty.
  for (const address of ['192.168.100.5', '192.168.100.6']) await network.attach({ hostname: address, address })
})
afterAll(async () => {
  await machine[Symbol.asyncDispose]()
  await network[Symbol.asyncDispose]()
})

test('the MAC address shows who answers, even if it was another machine before', async () => {
  expect(await network.neighbours(['192.168.100.77', '192.168.100.78'])).toEqual(new Map([['192.168.100.77', MAC]]))
  expect(await network.neighbours(['192.168.100.78'])).toEqual(new Map())
})

test('an address is refused if a machine answers for it, and only then', async () => {
  await requireUnanswered(network, '192.168.100.78')
  await expect(requireUnanswered(network, '192.168.100.77')).rejects.toMatchObject({
    name: 'NetworkError',
    lastSeen: MAC,
    message: expect.stringMatching(
      /^The address 192\.168\.100\.77 is taken on the bridge: a machine with the MAC address 52:54:00:12:34:56 answers for it\n.*ip address delete/,
    ) as string,
  })
})

test('a guest that is up at another address is found there', async () => {
  const guest = { hostname: 'db', address: '192.168.100.225', macAddress: MAC }
  expect(await whyElsewhere(network, guest)).toMatchObject({
    name: 'NetworkError',
    message: expect.stringMatching(
      /^Guest db is up, but at 192\.168\.100\.77 and not at 192\.168\.100\.225\n/,
    ) as string,
  })
})

test("another machine at a guest's address is named; a guest at its own address, or nowhere, is not", async () => {
  const guest = { hostname: 'db', address: '192.168.100.77', macAddress: '52:54:00:00:00:01' }
  expect((await whyElsewhere(network, guest))?.message).toContain('is taken on the bridge')
  expect(await whyElsewhere(network, { ...guest, macAddress: MAC })).toBeUndefined()
  expect(await whyElsewhere(network, { ...guest, address: '192.168.100.78' })).toBeUndefined()
})
