import { closeSync, fstatSync, readFileSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { emptyQcow2, openOverlay } from '../../src/machine/overlay.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

test.for([512, 8 * 1024 ** 2, 8 * 1024 ** 3, 2 ** 43 + 512])(
  'qemu-img accepts an overlay of %s bytes',
  async (size) => {
    const path = join(temporaryFolder(), 'empty.qcow2')
    const { head, length } = emptyQcow2(size)
    writeFileSync(path, head)
    truncateSync(path, length)
    await execa('qemu-img', ['check', '-q', path])
    const { stdout } = await execa('qemu-img', ['info', '--output=json', path])
    expect(JSON.parse(stdout)).toMatchObject({ format: 'qcow2', 'virtual-size': size })
  },
)

test('an overlay has no name, belongs to this user only, and is in no folder', () => {
  const folder = temporaryFolder()
  const overlay = openOverlay(folder, 1024 ** 2)
  try {
    expect(readdirSync(folder)).toEqual([])
    expect(fstatSync(overlay)).toMatchObject({ nlink: 0, size: 4 * 65_536 })
    expect(fstatSync(overlay).mode & 0o777).toBe(0o600)
    expect(readFileSync(`/proc/self/fd/${overlay}`).toString('latin1', 0, 4)).toBe('QFI\xfb')
    expect(statSync(`/proc/self/fd/${overlay}`).isFile()).toBe(true)
  } finally {
    closeSync(overlay)
  }
})
