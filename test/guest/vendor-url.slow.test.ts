import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { digestOfFile } from '../../src/image/download/open-downloaded.ts'
import { bootGuest, prepareGuest } from '../../src/index.ts'
import { vendorDisk } from '../support/vendor-disks/vendor-disk.ts'

/** Milliseconds, for disks that are not there yet. */
const BUILD_BUDGET = 1_800_000

test(
  "a disk like a vendor's boots from its URL and digest, and is downloaded once",
  { timeout: BUILD_BUDGET },
  async () => {
    const disk = await vendorDisk('netplan')
    const sha256 = (await digestOfFile(disk, 'sha256:')).slice('sha256:'.length)
    const cache = await mkdtemp(join(tmpdir(), 'vg-url-'))
    let downloads = 0
    const server = createServer((_, response) => {
      downloads++
      createReadStream(disk).pipe(response)
    })
    try {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const image = { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/vendor.qcow2`, sha256 }
      process.env['VITEST_GUEST_CACHE'] = cache
      const options = { image, cpus: 1, timeouts: { boot: 180_000 } }
      const said: string[] = []
      {
        await using guest = await bootGuest({ ...options, start: 'cold', onProgress: (line) => void said.push(line) })
        expect((await guest.$`id -un`).stdout).toBe('root')
        expect((await guest.$`findmnt --noheadings --output SOURCE /`).stdout).toBe('/dev/vda1')
      }
      await prepareGuest({ ...options, start: 'cold' })
      expect(downloads).toBe(1)
      expect(said.some((line) => /vendor\.qcow2: downloaded \d+ MB in \d+ s$/.test(line))).toBe(true)
    } finally {
      delete process.env['VITEST_GUEST_CACHE']
      server.closeAllConnections()
      server.close()
      await rm(cache, { recursive: true, force: true })
    }
  },
)
