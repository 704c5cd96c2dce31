import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { resolveImage } from '../../src/image/resolve-image.ts'
import { bootGuest } from '../../src/index.ts'
import { makeGrubDisk } from '../support/odd-image/grub-disk.ts'

test("a qcow2 with a boot loader of its own, the shape of vendors' cloud images, boots and is not written to", async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vg-vendor-'))
  try {
    const disk = join(folder, 'disk, with a comma.qcow2')
    const { disk: built } = await resolveImage({ base: 'debian-12', packages: [] }, {})
    await makeGrubDisk({ fileSystem: built.path, disk })
    const before = await stat(disk)
    // A template of this disk is nobody else's.
    process.env['VITEST_GUEST_CACHE'] = join(folder, 'cache')
    await using guest = await bootGuest({ image: { path: disk }, memory: '640M', cpus: 1 })
    expect(guest.started).toBe('warm')
    expect((await guest.$`cat /proc/cmdline`).stdout).toContain('BOOT_IMAGE=/vmlinuz')
    expect((await guest.$`findmnt --noheadings --output SOURCE /`).stdout).toBe('/dev/vda1')
    expect((await guest.$`nproc`).stdout).toBe('1')
    expect(Number((await guest.$`awk '/MemTotal/ {print $2}' /proc/meminfo`).stdout)).toBeGreaterThan(550 * 1024)
    await guest.$`sh -c ${'echo written > /written && sync'}`
    const after = await stat(disk)
    expect([after.mtimeMs, after.size, after.blocks]).toEqual([before.mtimeMs, before.size, before.blocks])
  } finally {
    delete process.env['VITEST_GUEST_CACHE']
    await rm(folder, { recursive: true, force: true })
  }
})
