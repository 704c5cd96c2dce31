import { afterAll, beforeAll, expect, test } from 'vitest'
import { bootGuest, openNetwork, type DiskWish, type Guest, type GuestNetwork } from '../../../src/index.ts'
import { identity } from '../identity.ts'
import { vendorDisk, type Manager } from './vendor-disk.ts'

/** Milliseconds, for an image and a template that are not there yet. */
const BUILD_BUDGET = 1_800_000
/** A vendor's boot takes twice as long as the default image's, and is less work in all with one CPU where others have work too. */
const SLOW = { timeouts: { boot: 180_000 }, cpus: 1 }
/** What a person types to have the card configured anew. */
const CONFIGURE: Record<Manager, string> = {
  netplan: 'netplan apply',
  'systemd-networkd': 'networkctl reload && networkctl reconfigure eth0',
  ifupdown: 'ifdown eth0 && ifup eth0',
  NetworkManager: 'nmcli connection reload && nmcli connection up cloud-init\\ eth0',
}

/** The tests of clones of a vendor's image. */
export function testClonesOf(manager: Manager): void {
  const warnings: string[] = []
  const warn = ({ name, message }: Error) => {
    if (name === 'GuestWarning') warnings.push(message)
  }
  let image: DiskWish
  let network: GuestNetwork
  let one: Guest
  let other: Guest

  const expectBothToBeThemselves = async () => {
    for (const guest of [one, other]) {
      const { hostname, address, macAddress } = guest
      const hostKey = guest.credentials.hostPublicKey
      const found = await identity(guest)
      expect(found).toMatchObject({ hostname, file: hostname, self: hostname, address, macAddress, hostKey })
    }
    await Promise.all([one.exec('ping -c 1 -W 20 other'), other.exec('ping -c 1 -W 20 one')])
    const { stdout } = await one.exec(`timeout 60 bash -c "head -c 8 </dev/tcp/${other.address}/22"`)
    expect(stdout).toBe('SSH-2.0-')
  }

  beforeAll(async () => {
    process.on('warning', warn)
    image = { path: await vendorDisk(manager) }
    network = await openNetwork()
    ;[one, other] = (await Promise.all(
      ['one', 'other'].map((hostname) => network.boot({ hostname, image, ...SLOW })),
    )) as [Guest, Guest]
  }, BUILD_BUDGET)
  afterAll(async () => {
    process.off('warning', warn)
    await network[Symbol.asyncDispose]()
  })

  test('two guests of one image are clones with names, addresses and keys of their own, and reach each other', async () => {
    expect([one.started, other.started]).toEqual(['warm', 'warm'])
    expect([one.address, other.address]).toEqual(['192.168.100.224', '192.168.100.225'])
    await expectBothToBeThemselves()
    expect(warnings.filter((text) => !text.startsWith('KVM is not available'))).toEqual([])
  })

  test('when its card is configured anew, a clone stays who it is', async () => {
    await other.exec(CONFIGURE[manager])
    await expectBothToBeThemselves()
  })

  // Not of networkd alone, whose clones are changed as netplan's are: boots of such images are long.
  if (manager !== 'systemd-networkd') {
    test('so it does after a reboot, and after a crash', async () => {
      await Promise.all([one.reboot(), other.crash().then(() => other.start())])
      await expectBothToBeThemselves()
    })
  }

  test('one guest alone, with an address of its own', async () => {
    await using alone = await bootGuest({ image, address: '192.168.100.77', ...SLOW })
    expect(alone.started).toBe('warm')
    const { address, macAddress } = alone
    expect(await identity(alone)).toMatchObject({ hostname: 'guest', address: '192.168.100.77', macAddress })
    expect(address).toBe('192.168.100.77')
  })
}
