import { glob, mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { requireTool } from '../../src/host/program/tools.ts'
import { removeAsRoot, runAsRoot } from '../../src/image/build/build-step.ts'
import { bootGuest } from '../../src/index.ts'
import { type Kernel, makeImageWithoutSystemd } from '../support/odd-image/odd-image.ts'
import { cardOf } from '../support/identity.ts'

/** The image has the cloud kernel, which lacks drivers for real hardware. */
const PACKAGE = 'linux-image-amd64'
const MAC = '52:54:00:c0:ff:ee'
const MODULES =
  'virtio virtio_ring virtio_pci virtio_pci_legacy_dev virtio_pci_modern_dev virtio_blk crc16 crc32c_generic libcrc32c mbcache jbd2 ext4 cdrom isofs e1000'

let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vg-e1000-'))
})
afterAll(async () => {
  delete process.env['VITEST_GUEST_CACHE']
  await removeAsRoot(folder)
})

/** Debian's stock kernel, unpacked, not installed. */
async function unpackKernel(): Promise<Kernel> {
  const root = join(folder, 'root')
  const options = ['--mode=root', '--format=directory', '--variant=extract', '--aptopt=APT::Install-Recommends "false"']
  await runAsRoot([requireTool('mmdebstrap'), ...options, `--include=${PACKAGE}`, 'bookworm', root], { cwd: folder })
  const find = async (pattern: string) => {
    const found: string[] = []
    for await (const path of glob(pattern, { cwd: root })) found.push(join(root, path))
    return found
  }
  const [path = ''] = await find('boot/vmlinuz-*')
  return { package: PACKAGE, path, modules: await find(`lib/modules/**/{${MODULES.replaceAll(' ', ',')}}.ko`) }
}

test("nic: 'e1000': a guest with the driver is reachable, at the chosen MAC address", async () => {
  const cache = join(folder, 'cache')
  await makeImageWithoutSystemd(cache, '', await unpackKernel())
  process.env['VITEST_GUEST_CACHE'] = cache
  await using guest = await bootGuest({
    image: { base: 'debian-12', packages: [PACKAGE] },
    nic: 'e1000',
    macAddress: MAC,
    start: 'cold',
    cpus: 1,
  })
  const card = `/sys/class/net/${cardOf(guest)}`
  const { stdout } = await guest.exec(`basename "$(readlink ${card}/device/driver)"; cat ${card}/address`)
  expect(stdout.split('\n')).toEqual(['e1000', MAC])
  const whole = 'x'.repeat(1_000_000)
  await guest.writeFile('/tmp/whole', whole)
  expect(await guest.readFile('/tmp/whole', 'utf8')).toBe(whole)
})
