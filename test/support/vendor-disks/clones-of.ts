import { createReadStream } from 'node:fs'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import ssh2 from 'ssh2'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { digestOfFile } from '../../../src/image/download/open-downloaded.ts'
import {
  bootGuest,
  openNetwork,
  prepareGuest,
  type ImageOption,
  type Guest,
  type GuestNetwork,
} from '../../../src/index.ts'
import { cardOf, identity } from '../identity.ts'
import type { VendorDisk } from './disks.ts'
import { vendorDisk } from './vendor-disk.ts'

/** Milliseconds, for an image and a template that are not there yet. */
const BUILD_BUDGET = 1_800_000
/** A vendor's boot takes twice as long as the default image's, and is less work in all with one CPU where others have work too. */
const SLOW = { timeouts: { boot: 300_000 }, cpus: 1, memory: '640M' }
/** What a person types to have the card configured anew. */
const CONFIGURE: Record<VendorDisk, (card: string) => string> = {
  netplan: () => 'netplan apply',
  'netplan-sid': () => 'netplan apply',
  'systemd-networkd': (card) => `networkctl reload && networkctl reconfigure ${card}`,
  ifupdown: (card) => `ifdown ${card} && ifup ${card}`,
  NetworkManager: (card) => `nmcli connection reload && nmcli connection up cloud-init\\ ${card}`,
}
/** What a guest's clock may be off by, and what asking for it takes under emulation, in milliseconds. */
const CLOCK = 1500

/** The tests of clones of a vendor's image. */
export function testClonesOf(disk: VendorDisk, { fromUrl = false } = {}): void {
  const warnings: string[] = []
  const warn = ({ name, message }: Error) => {
    if (name === 'GuestWarning') warnings.push(message)
  }
  const disposers = new AsyncDisposableStack()
  let path: string
  let served: Served | undefined
  let image: ImageOption
  const said: string[] = []
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
    disposers.defer(() => void process.off('warning', warn))
    path = await vendorDisk(disk)
    served = fromUrl ? disposers.use(await serve(path)) : undefined
    image = served?.image ?? { path }
    network = disposers.use(await openNetwork())
    const onProgress = (line: string) => void said.push(line)
    ;[one, other] = (await Promise.all(
      ['one', 'other'].map((hostname) => network.boot({ hostname, image, onProgress, ...SLOW })),
    )) as [Guest, Guest]
  }, BUILD_BUDGET)
  afterAll(() => disposers.disposeAsync())

  test('two guests of one image are clones with names, addresses and keys of their own, and reach each other', async () => {
    expect([one.started, other.started]).toEqual(['warm', 'warm'])
    expect([one.address, other.address]).toEqual(['192.168.100.224', '192.168.100.225'])
    await expectBothToBeThemselves()
    expect(warnings.filter((text) => !text.startsWith('KVM is not available'))).toEqual([])
    expect([one.warnings, other.warnings]).toEqual([[], []])
  })

  if (fromUrl) {
    test('it is downloaded once', async () => {
      await prepareGuest({ image, ...SLOW })
      expect(served?.downloads()).toBe(1)
      expect(said.some((line) => /vendor\.qcow2: downloaded \d+ MB in \d+ s$/.test(line))).toBe(true)
    })
  }

  test("each has the host's clock, entropy of its own, the options' hardware, and root's password", async () => {
    const drawn = new Set<string>()
    for (const guest of [one, other]) {
      const before = Date.now()
      const { stdout } = await guest.exec('date +%s%3N; od -An -N16 -tx1 /dev/urandom; nproc; cat /proc/cmdline')
      const [clock, random = '', cpus, kernel] = stdout.split('\n')
      expect(Number(clock)).toBeGreaterThan(before - CLOCK)
      expect(Number(clock)).toBeLessThan(Date.now() + CLOCK)
      drawn.add(random)
      expect([cpus, kernel]).toEqual(['1', expect.stringContaining('BOOT_IMAGE=/vmlinuz')])
      expect(Number((await guest.$`awk '/MemTotal/ {print $2}' /proc/meminfo`).stdout)).toBeGreaterThan(550 * 1024)
      expect((await guest.$`findmnt --noheadings --output SOURCE /`).stdout).toBe('/dev/vda1')
      expect(await isRootsPassword(guest)).toBe(true)
    }
    expect(drawn.size).toBe(2)
  })

  test('one guest alone, with an address of its own', async () => {
    await using alone = await bootGuest({ image, address: '192.168.100.77', ...SLOW })
    expect(alone.started).toBe('warm')
    const { address, macAddress } = alone
    expect(await identity(alone)).toMatchObject({ hostname: 'guest', address: '192.168.100.77', macAddress })
    expect(address).toBe('192.168.100.77')
  })

  test('when its card is configured anew, a clone stays who it is', async () => {
    await other.exec(CONFIGURE[disk](cardOf(other)))
    await expectBothToBeThemselves()
  })

  test('so it does after a reboot, and after a crash; the disk is not written to', async () => {
    const before = await stat(path)
    await Promise.all([one.reboot(), other.crash().then(() => other.start())])
    await expectBothToBeThemselves()
    const after = await stat(path)
    expect([after.mtimeMs, after.size, after.blocks]).toEqual([before.mtimeMs, before.size, before.blocks])
  })
}

/** By logging in with it. */
async function isRootsPassword(guest: Guest): Promise<boolean> {
  const client = new ssh2.Client()
  try {
    const sock = await guest.connect(22)
    return await new Promise((resolve) => {
      client.on('ready', () => resolve(true)).on('error', () => resolve(false))
      client.connect({ sock, username: 'root', password: guest.rootPassword, readyTimeout: 60_000 })
    })
  } finally {
    client.end()
  }
}

interface Served extends AsyncDisposable {
  readonly image: { readonly url: string; readonly sha256: string }
  downloads(): number
}

/** The disk on a server, and a cache that does not have it. */
async function serve(disk: string): Promise<Served> {
  const sha256 = (await digestOfFile(disk, 'sha256:')).slice('sha256:'.length)
  const cache = await mkdtemp(join(tmpdir(), 'vg-url-'))
  const usual = process.env['VITEST_GUEST_CACHE']
  let downloads = 0
  const server = createServer((_, response) => {
    downloads++
    createReadStream(disk).pipe(response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  process.env['VITEST_GUEST_CACHE'] = cache
  return {
    image: { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/vendor.qcow2`, sha256 },
    downloads: () => downloads,
    [Symbol.asyncDispose]: async () => {
      if (usual === undefined) delete process.env['VITEST_GUEST_CACHE']
      else process.env['VITEST_GUEST_CACHE'] = usual
      server.closeAllConnections()
      server.close()
      await rm(cache, { recursive: true, force: true })
    },
  }
}
