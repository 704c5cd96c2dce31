import { execFileSync } from 'node:child_process'
import {
  closeSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ImageError } from '../../src/errors.ts'
import { resolveImage } from '../../src/image/resolve-image.ts'

/** Milliseconds for about twenty runs of qemu-img. */
const PATIENCE = 120_000

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
  execFileSync('mkfifo', [at('fifo')])
  qemuImg('create', '-f', 'qcow2', '-o', `data_file=${at('data')}`, at('data-file.qcow2'), '4M')
  patch(copyOfDisk('encrypted.qcow2'), 35, '\x02')
  patch(copyOfDisk('snapshot.qcow2'), 63, '\x01')
  patch(copyOfDisk('subclusters.qcow2'), 79, '\x10')
  qemuImg('bitmap', '--add', copyOfDisk('bitmap.qcow2'), 'changes')
  patch(copyOfDisk('dirty.qcow2'), 79, '\x01')
  patch(copyOfDisk('corrupt.qcow2'), 79, '\x02')
  patch(copyOfDisk('unknown.qcow2'), 74, '\x01')
  qemuImg('create', '-f', 'qcow2', '-u', '-b', '/etc/\x1b[2Jshadow\u202e', '-F', 'raw', at('loud.qcow2'), '4M')
}, PATIENCE)

function copyOfDisk(name: string): string {
  copyFileSync(at('disk.qcow2'), at(name))
  return at(name)
}

function patch(path: string, at: number, bytes: string): void {
  const file = openSync(path, 'r+')
  writeSync(file, Buffer.from(bytes, 'latin1'), 0, bytes.length, at)
  closeSync(file)
}

afterAll(() => rmSync(folder, { recursive: true, force: true }))

test.each(['raw', 'qcow2'] as const)('a %s disk is accepted as it is', async (format) => {
  const disk = at(`disk.${format}`)
  expect(await resolveImage({ path: disk }, {})).toMatchObject({
    disk: { path: disk, format },
    size: 4 * 1024 * 1024,
    label: disk,
  })
})

test('an overlay is accepted with its backing files if the user allows them', async () => {
  const { disk } = await resolveImage({ path: at('overlay.qcow2'), backing: true }, {})
  expect(disk).toEqual({
    path: at('overlay.qcow2'),
    format: 'qcow2',
    backing: { path: at('disk.qcow2'), format: 'qcow2' },
  })
})

test('zstd compression, which vendors use, is accepted', async () => {
  qemuImg('convert', '-c', '-O', 'qcow2', '-o', 'compression_type=zstd', at('disk.raw'), at('zstd.qcow2'))
  expect(await resolveImage({ path: at('zstd.qcow2') }, {})).toMatchObject({ disk: { format: 'qcow2' } })
})

test('a disk is booted by its own boot loader', async () => {
  expect(await resolveImage({ path: at('disk.qcow2') }, {})).not.toHaveProperty('direct')
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
  ['half.qcow2', /is damaged/, /truncated/],
  ['tables.qcow2', /is damaged/, /truncated/],
  ['header.qcow2', /is damaged/, /truncated/],
  ['fifo', /is not a regular file/, /absolute path/],
  ['overlay.qcow2', /has the backing file .*disk\.qcow2 on this host, which is refused/, /backing: true/],
  ['data-file.qcow2', /keeps its data in another file on this host/, /unless you made it yourself/],
  ['snapshot.qcow2', /holds 1 internal snapshot, which is refused/, /qemu-img convert/],
  ['bitmap.qcow2', /holds dirty bitmaps/, /qemu-img convert/],
  ['encrypted.qcow2', /is encrypted/, /Decrypt/],
  ['subclusters.qcow2', /incompatible feature bits 4/, /qemu-img convert/],
  ['unknown.qcow2', /incompatible feature bits 40/, /qemu-img convert/],
  ['dirty.qcow2', /not closed properly/, /check -r all/],
  ['corrupt.qcow2', /marked as corrupt/, /check -r all/],
  ['loud.qcow2', /has the backing file \/etc\/\\x1b\[2Jshadow\\u202e/, /backing: true/],
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

test.each([
  ['on-half.qcow2', /half\.qcow2 is damaged/],
  ['orphan.qcow2', /has the backing file .*gone\.qcow2, which does not exist\n.*Restore the backing file/],
  ['on-itself.qcow2', /on-itself\.qcow2 is its own backing file/],
  ['guessed.qcow2', /has the backing file .*disk\.raw, and does not state its format[^]*qemu-img rebase -u -F/],
  ['vmdk.qcow2', /has the backing file .*disk\.vmdk, and states its format as vmdk; it must be qcow2 or raw/],
  ['json.qcow2', /has the backing file json:\{.*\}, which is not a file name/],
  ['loud.qcow2', /has the backing file \/etc\/\\x1b\[2Jshadow\\u202e, which is not a file name/],
  ['nbd.qcow2', /has the backing file nbd:localhost:10809, which is not a file name/],
  ['on-snapshot.qcow2', /snapshot\.qcow2 holds 1 internal snapshot/],
  ['on-data-file.qcow2', /data-file\.qcow2 keeps its data in another file/],
])('with backing files allowed, %s is still refused', async (name, message) => {
  const unsafe = (backing: string, format: string) => {
    qemuImg('create', '-f', 'qcow2', '-u', '-b', backing, ...(format && ['-F', format]), at(name), '4M')
  }
  if (name === 'on-itself.qcow2') unsafe(`./${name}`, 'qcow2')
  if (name === 'vmdk.qcow2') unsafe(at('disk.vmdk'), 'vmdk')
  if (name === 'json.qcow2') unsafe('json:{"driver":"file","filename":"/etc/shadow"}', 'raw')
  if (name === 'nbd.qcow2') unsafe('nbd:localhost:10809', 'raw')
  if (name === 'on-snapshot.qcow2') unsafe(at('snapshot.qcow2'), 'qcow2')
  if (name === 'on-data-file.qcow2') unsafe(at('data-file.qcow2'), 'qcow2')
  if (name === 'guessed.qcow2') {
    unsafe(at('disk.raw'), 'raw')
    // An unknown type of extension.
    patch(at(name), 112, 'oops')
  }
  await expect(resolveImage({ path: at(name), backing: true }, {})).rejects.toThrow(message)
})

test('a raw backing file is never taken for qcow2 by its content, which a guest may have written', async () => {
  copyFileSync(at('data-file.qcow2'), at('written.raw'))
  qemuImg('create', '-f', 'qcow2', '-u', '-b', at('written.raw'), '-F', 'raw', at('on-written.qcow2'), '4M')
  const { disk } = await resolveImage({ path: at('on-written.qcow2'), backing: true }, {})
  expect(disk.backing).toEqual({ path: at('written.raw'), format: 'raw' })
})

test('a disk is not written to, and its times do not change', async () => {
  const before = { ...statSync(at('disk.qcow2')), bytes: readFileSync(at('disk.qcow2')).toString('base64') }
  await resolveImage({ path: at('disk.qcow2') }, {})
  const after = { ...statSync(at('disk.qcow2')), bytes: readFileSync(at('disk.qcow2')).toString('base64') }
  expect(after.mtimeMs).toBe(before.mtimeMs)
  expect(after.bytes === before.bytes).toBe(true)
})

test('an aborted inspection rejects with the reason', async () => {
  const reason = new Error('enough')
  await expect(resolveImage({ path: at('disk.raw') }, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason)
})
