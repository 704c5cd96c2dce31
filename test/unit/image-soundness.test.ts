import { mkdtemp, open, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ImageError } from '../../src/errors.ts'
import { buildTemplate } from '../../src/guest/start/build-template.ts'
import type { Image } from '../../src/image/image.ts'
import { resolveImage } from '../../src/image/resolve-image.ts'
import { resolveGuest } from '../../src/options/guest-options.ts'
import { resolveNetwork } from '../../src/options/network/network-options.ts'
import { toolPath } from '../support/tool-path.ts'

/** Stand-ins: the result of a build does not matter here, as long as it differs each time. */
const BUILDERS = {
  mmdebstrap: `#!/bin/sh
for root; do :; done
mkdir -p "$root/boot"
date +%N >"$root/boot/vmlinuz-6.1"
date +%N >"$root/boot/initrd.img-6.1"
`,
  mke2fs: `#!/bin/sh
while [ "$1" != -d ]; do shift; done
head -c 3000000 /dev/urandom >"$3"
truncate -s 64M "$3"
`,
}

let cache: string
let tools: Awaited<ReturnType<typeof toolPath>>
const { PATH: path, VITEST_GUEST_CACHE: usual } = process.env

beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'vg-images-'))
  tools = await toolPath({ standIns: BUILDERS })
  process.env['VITEST_GUEST_CACHE'] = cache
  process.env['PATH'] = `${tools.path}:${path}`
})
afterAll(async () => {
  process.env['PATH'] = path
  if (usual === undefined) delete process.env['VITEST_GUEST_CACHE']
  else process.env['VITEST_GUEST_CACHE'] = usual
  await tools[Symbol.asyncDispose]()
  await rm(cache, { recursive: true })
})

async function resolve(): Promise<{ image: Image; digest: string; rebuilt: string | undefined }> {
  const said: string[] = []
  const image = await resolveImage({ base: 'debian-12', packages: [] }, { onProgress: (line) => said.push(line) })
  return { image, digest: await image.digest(), rebuilt: said.find((line) => line.includes('rebuilding')) }
}

/** Changes a byte, and sets the time back. */
async function flip(path: string, at = 1_234_567): Promise<void> {
  const { atime, mtime } = await stat(path)
  await using file = await open(path, 'r+')
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at)
  await file.write(Buffer.of((buffer[0] as number) ^ 1), 0, 1, at)
  await utimes(path, atime, mtime)
}

const FILES = [
  ['disk.raw', (image: Image) => image.disk.path],
  ['kernel', (image: Image) => image.direct?.kernel as string],
  ['initrd', (image: Image) => image.direct?.initrd as string],
] as const

test.for(FILES)(
  'an image whose %s has a flipped byte is rebuilt, although size and time are unchanged',
  async (file) => {
    const [name, pathOf] = file
    const before = await resolve()
    expect((await resolve()).digest).toBe(before.digest)
    await flip(pathOf(before.image), 3)
    const after = await resolve()
    expect(after.rebuilt).toBe(`rebuilding the image debian-12: the content of ${name} has changed`)
    expect(after.digest).not.toBe(before.digest)
    expect((await resolve()).rebuilt).toBeUndefined()
  },
)

test('kernel parameters come after those of the image, even if the image exists already', async () => {
  const append = async (...kernelParameters: string[]) =>
    (await resolveImage({ base: 'debian-12', packages: [] }, { kernelParameters })).direct?.append
  const own = await append()
  expect(own).toMatch(/^\S+/)
  expect(await append('a=b', 'c="d e"')).toBe(`${own} a=b c="d e"`)
})

test('a truncated image is rebuilt, and so is one with a missing file', async () => {
  const { image } = await resolve()
  await truncate(image.disk.path, 2_000_000)
  expect((await resolve()).rebuilt).toContain('the content of disk.raw has changed')
  await rm(image.direct?.kernel as string)
  expect((await resolve()).rebuilt).toContain('ENOENT')
})

test('an image of which only the times have changed, as by a copy, is read once and kept', async () => {
  const { image, digest } = await resolve()
  await utimes(image.disk.path, 1, 1)
  expect(await resolve()).toMatchObject({ digest, rebuilt: undefined })
})

test('an image of a release without digests is accepted as it is, and gets digests', async () => {
  const { image, digest } = await resolve()
  const digests = join(dirname(image.disk.path), 'digests.json')
  await rm(digests)
  expect(await resolve()).toMatchObject({ digest, rebuilt: undefined })
  await flip(image.disk.path)
  expect((await resolve()).rebuilt).toContain('the content of disk.raw has changed')
})

test('damage without a changed time is found before a template is built, and the next start rebuilds the image', async () => {
  const { image } = await resolve()
  await image.verify()
  const stamps = join(dirname(image.disk.path), 'stamps')
  await flip(image.disk.path)
  // As if the host's disk had lost it.
  const { size, mtimeNs, ctimeNs, ino } = await stat(image.disk.path, { bigint: true })
  const lines = (await readFile(stamps, 'utf8')).split('\n')
  await writeFile(stamps, [`disk.raw ${size} ${mtimeNs} ${ctimeNs} ${ino}`, ...lines.slice(1)].join('\n'))
  expect((await resolve()).rebuilt).toBeUndefined()
  await expect(image.verify()).rejects.toThrow(ImageError)
  await expect(image.verify()).rejects.toThrow(
    /^The image debian-12 is damaged: the content of disk\.raw has changed\n/,
  )
  expect((await resolve()).rebuilt).toContain('the content of disk.raw has changed')
})

test('no template is built on a damaged image', async () => {
  const damaged = new ImageError('The image is damaged')
  const building = buildTemplate(cache, {
    spec: resolveGuest({}, resolveNetwork({})),
    label: 'of a test',
    image: { verify: () => Promise.reject(damaged) },
    // A build that gets this far has not verified the image.
    network: undefined,
    onProgress: () => {},
  } as never)
  await expect(building).rejects.toBe(damaged)
})

function bootSector(sectors: number): Buffer {
  const disk = Buffer.alloc(4 * 1024 * 1024)
  disk.writeUInt8(0x80, 446)
  disk.writeUInt8(0x83, 450)
  disk.writeUInt32LE(2048, 454)
  disk.writeUInt32LE(Math.max(sectors - 2048, 0), 458)
  disk.writeUInt16LE(0xaa55, 510)
  return disk
}

test('a raw disk of the user that ends before its partitions do is refused', async () => {
  const path = join(cache, 'cut.raw')
  await writeFile(path, bootSector(8192))
  expect(await resolveImage({ path })).toMatchObject({ size: 4 * 1024 * 1024 })
  await truncate(path, 3 * 1024 * 1024)
  await expect(resolveImage({ path })).rejects.toThrow(
    /is truncated: it has 3145728 bytes, but its partition table needs at least 4194304/,
  )
  const gpt = bootSector(0)
  gpt.writeUInt8(0xee, 450)
  gpt.write('EFI PART', 512)
  gpt.writeBigUInt64LE(8192n, 544)
  await writeFile(path, gpt)
  await expect(resolveImage({ path })).rejects.toThrow(/its partition table needs at least 4194816/)
})

test("a user's disk is identified by its content, and read only when its time has changed", async () => {
  const path = join(cache, 'mine.raw')
  await writeFile(path, bootSector(8192))
  const said: string[] = []
  const digest = async () => (await resolveImage({ path }, { onProgress: (line) => said.push(line) })).digest()
  const first = await digest()
  expect(await digest()).toBe(first)
  expect(said).toEqual([`reading ${path} to compute its digest`])
  await utimes(path, 1, 1)
  expect(await digest()).toBe(first)
  expect(said).toHaveLength(2)
  await flip(path)
  expect(await digest()).not.toBe(first)
})
