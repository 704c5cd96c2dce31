import { expect, testWithGuests, type Guest } from 'vitest-guest'

/** The address of the service, on whichever guest has it. */
const SHARED = '192.168.100.100'

/** Three clones of one template, which has keepalived on its disk. */
const test = testWithGuests(
  { first: {}, second: {}, third: {} },
  { image: { base: 'debian-12', packages: ['keepalived'] } },
)

const cardOf = ({ interfaces: [card] }: Guest) => card?.name ?? ''

/** By VRRP, the master is the guest with the highest priority among those that can be heard. */
const configuration = (card: string, priority: number) => `
vrrp_instance service {
  interface ${card}
  state BACKUP
  virtual_router_id 51
  priority ${priority}
  virtual_ipaddress {
    ${SHARED}/24
  }
}
`

test.beforeAll(async ({ guests }) => {
  await Promise.all(
    Object.values(guests).map(async (guest, index) => {
      await guest.writeFile('/etc/keepalived/keepalived.conf', configuration(cardOf(guest), 100 - index))
      await guest.$`systemctl restart keepalived`
    }),
  )
}, 120_000)

test('one of them has the shared address', async ({ guests }) => {
  const { first, second, third } = guests
  await first.waitUntilSucceeds(`ip -brief address show | grep -w ${SHARED}`)
  await third.$`ping -c 1 -W 5 ${SHARED}`
  for (const guest of [second, third]) {
    await expect(guest).not.toHaveInterface(cardOf(guest), { addresses: [`${SHARED}/24`] })
  }
})

test('when it fails, the next one takes over, and only that one', async ({ guests }) => {
  const { first, second, third } = guests
  await first.crash()
  await second.waitUntilSucceeds(`ip -brief address show | grep -w ${SHARED}`)
  await third.$`ping -c 1 -W 5 ${SHARED}`
  await expect(third).not.toHaveInterface(cardOf(third), { addresses: [`${SHARED}/24`] })
})
