import { execFileSync } from 'node:child_process'
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ImageError } from '../../src/errors.ts'
import { resolveImage } from '../../src/image/resolve-image.ts'

let folder: string
const at = (name: string) => join(folder, name)
const qemuImg = (...args: string[]) => void execFileSync('qemu-img', args, { stdio: 'ignore' })

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'vitest-guest-test-'))
  const bootable = Buffer.alloc(4 * 1024 * 1024, 7)
  bootable.writeUInt16LE(0xaa55, 510)
  writeFileSync(at('disk.raw'), bootable)
  qemuImg('convert', '-O', 'qcow2', at('disk.raw'), at('disk.qcow2'))
  qemuImg('convert', '-O', 'vmdk', at('disk.raw'), at('disk.vmdk'))
  qemuImg('convert', '-O', 'vhdx', at('disk.raw'), at('disk.vhdx'))
  qemuImg('create', '-f', 'qcow2', '-b', at('disk.qcow2'), '-F', 'qcow2', at('overlay.qcow2'))
  copyFileSync(at('disk.qcow2'), at('gone.qcow2'))
  qemuImg('create', '-f', 'qcow2', '-b', at('gone.qcow2'), '-F', 'qcow2', at('orphan.qcow2'))
  rmSync(at('gone.qcow2'))
  for (const [name, size] of [
    ['half', 2 * 1024 * 1024],
    ['header', 60],
    ['tables', 70_000],
  ] as const) {
    copyFileSync(at('disk.qcow2'), at(`${name}.qcow2`))
    truncateSync(at(`${name}.qcow2`), size)
  }
  qemuImg('create', '-f', 'qcow2', '-b', at('half.qcow2'), '-F', 'qcow2', at('on-half.qcow2'))
  writeFileSync(at('notes.qcow2'), 'remember the milk\n')
  writeFileSync(at('empty.img'), '')
  writeFileSync(at('blank.img'), Buffer.alloc(1024 * 1024))
  writeFileSync(at('disk.raw.xz'), Buffer.from('fd377a585a0000', 'hex'))
  mkdirSync(at('folder'))
})

afterAll(() => rmSync(folder, { recursive: true, force: true }))

test.each(['raw', 'qcow2'] as const)('a %s disk is taken as it is', async (format) => {
  const disk = at(`disk.${format}`)
  expect(await resolveImage({ path: disk }, {})).toMatchObject({ disk, format, label: disk })
})

test('an overlay is taken with its backing file', async () => {
  expect(await resolveImage({ path: at('overlay.qcow2') }, {})).toMatchObject({ format: 'qcow2' })
})

test('a disk is booted by its own boot loader', async () => {
  expect(await resolveImage({ path: at('disk.qcow2') }, {})).not.toHaveProperty('direct')
})

test('the digest changes with the file', async () => {
  copyFileSync(at('disk.raw'), at('copy.raw'))
  const { digest: first } = await resolveImage({ path: at('copy.raw') }, {})
  expect((await resolveImage({ path: at('copy.raw') }, {})).digest).toBe(first)
  utimesSync(at('copy.raw'), 1, 1)
  expect((await resolveImage({ path: at('copy.raw') }, {})).digest).not.toBe(first)
})

test.each([
  ['missing.qcow2', /does not exist/, /absolute path/],
  ['folder', /is a folder/, /absolute path/],
  ['notes.qcow2', /text file that starts with "remember the milk"/, /boot loader/],
  ['empty.img', /an empty file/, /boot loader/],
  ['blank.img', /nothing but zeroes/, /boot loader/],
  ['disk.raw.xz', /compressed with xz/, /Unpack it/],
  ['disk.vmdk', /a VMDK disk/, /qemu-img convert -O qcow2/],
  ['disk.vhdx', /a VHDX disk/, /qemu-img convert -O qcow2/],
  ['half.qcow2', /is damaged/, /cut off/],
  ['tables.qcow2', /is damaged/, /cut off/],
  ['header.qcow2', /is damaged/, /cut off/],
  ['on-half.qcow2', /half\.qcow2 is damaged/, /cut off/],
  ['orphan.qcow2', /builds on .*gone\.qcow2, which does not exist/, /Put the backing file back/],
])('%s is refused with its reason and what to do', async (name, what, hint) => {
  const error = await resolveImage({ path: at(name) }, {}).then(
    () => expect.unreachable('it was taken'),
    (error: unknown) => error,
  )
  expect(error).toBeInstanceOf(ImageError)
  const { message, hint: given, option } = error as ImageError
  expect(message.split('\n')[0]).toMatch(what)
  expect(given).toMatch(hint)
  expect(option).toBe('image')
})

test('a disk is not written to, nor its time changed', async () => {
  const before = { ...statSync(at('disk.qcow2')), bytes: readFileSync(at('disk.qcow2')).toString('base64') }
  await resolveImage({ path: at('disk.qcow2') }, {})
  const after = { ...statSync(at('disk.qcow2')), bytes: readFileSync(at('disk.qcow2')).toString('base64') }
  expect(after.mtimeMs).toBe(before.mtimeMs)
  expect(after.bytes === before.bytes).toBe(true)
})

test('an aborted look at a disk ends with the reason', async () => {
  const reason = new Error('enough')
  await expect(resolveImage({ path: at('disk.raw') }, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
})
