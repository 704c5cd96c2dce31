import { readFileSync, readdirSync, writeFileSync } from 'node:fs'
import { mkdir, rm, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { expect, test, vi } from 'vitest'
import { CATALOGUE } from '../../src/image/catalogue/catalogue.ts'
import { findChecksum } from '../../src/image/catalogue/checksums.ts'
import { mirrored } from '../../src/image/catalogue/mirror.ts'
import { BUILT_IMAGES, parseImage } from '../../src/options/image.ts'
import { VENDOR_IMAGE_NAMES, VENDOR_RELEASES } from '../../src/options/vendor-images.ts'
import { cache, DAY, DIGEST, DISK, failure, mirror, resolve, ROLLING, ROLLING_URL } from './support/catalogue-cache.ts'
import { imageServer, rawDisk, send, sha256 } from './support/image-server.ts'
import { runCli } from './support/node.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const NEWER = rawDisk(65_536, 11)

const cli = (...args: string[]) => runCli(args)

test('the catalogue has what its names say', () => {
  expect(Object.keys(CATALOGUE).sort()).toEqual([...VENDOR_RELEASES].sort())
  for (const name of VENDOR_RELEASES) {
    const { pinned, latest } = CATALOGUE[name]
    expect(pinned ?? latest, name).toBeDefined()
    if (pinned) expect(pinned.digest, name).toMatch(/^(sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/)
    for (const url of [pinned?.url, latest?.url, latest?.checksums]) {
      if (url !== undefined) expect(new URL(url).protocol).toBe('https:')
    }
    const hasLatestName = (VENDOR_IMAGE_NAMES as readonly string[]).includes(`${name}-latest`)
    expect(hasLatestName, name).toBe(pinned !== undefined && latest !== undefined)
  }
})

test.each([
  ['ubunut-24.04', 'ubuntu-24.04'],
  ['debian-13-clod', 'debian-13-cloud'],
  ['fedora43', 'fedora-43'],
  ['alpine', 'alpine-3.23'],
  ['debain-12', 'debian-12'],
  ['archlinux-lastest', 'archlinux-latest'],
])('%s was meant to be %s', (name, meant) => {
  expect(() => parseImage(name)).toThrow(
    `Option \`image\` must be the name of an image or the absolute path of a disk; got '${name}'\n` +
      `Did you mean '${meant}'? npx vitest-guest image ls --all lists all names.`,
  )
})

test('a URL comes with one digest', () => {
  const url = 'https://example.org/disk.qcow2'
  expect(parseImage({ url, sha256: DIGEST.toUpperCase() })).toEqual({ url, digest: `sha256:${DIGEST}` })
  for (const [wish, option] of [
    [{ url }, 'image'],
    [{ url, sha256: DIGEST, sha512: DIGEST + DIGEST }, 'image'],
    [{ url, sha256: 'abc' }, 'image.sha256'],
    [{ url, sha512: DIGEST }, 'image.sha512'],
    [{ url: 'ftp://example.org/disk', sha256: DIGEST }, 'image.url'],
    [{ url: '/disk.qcow2', sha256: DIGEST }, 'image.url'],
    [{ url, sha1: DIGEST }, 'image.sha1'],
  ] as const) {
    expect(() => parseImage(wish)).toThrow(expect.objectContaining({ option }) as Error)
  }
})

test('checksum files: GNU, BSD, PGP-signed, bare, and one of a single other name', () => {
  const latest = { url: 'https://a.example/x/disk.img', checksums: '', algorithm: 'sha256' } as const
  const [a, b] = ['a'.repeat(64), 'B'.repeat(64)]
  const gnu = { ...latest, format: 'gnu' } as const
  expect(findChecksum(`${a}  other\n${b} *disk.img\n`, gnu)).toBe(`sha256:${'b'.repeat(64)}`)
  expect(findChecksum(`${a}  ./disk.img\r\n${b}  disk.img.asc\n`, gnu)).toBe(`sha256:${a}`)
  expect(findChecksum(`${a}  disk-2026.img\n`, gnu)).toBe(`sha256:${a}`)
  expect(findChecksum(`${a}  one\n${b}  two\n`, gnu)).toBeUndefined()
  const signed = `-----BEGIN PGP SIGNED MESSAGE-----\n\n# disk.img: 7 bytes\nSHA256 (disk.img) = ${a}\nSHA256 (x) = ${b}\n`
  expect(findChecksum(signed, { ...latest, format: 'bsd' })).toBe(`sha256:${a}`)
  expect(findChecksum(`${a}\n`, { ...latest, format: 'bare' })).toBe(`sha256:${a}`)
  expect(findChecksum(`SHA256 (disk.img) = ${a}`, gnu)).toBeUndefined()
  expect(findChecksum(`${a}  disk.img`, { ...gnu, algorithm: 'sha512' })).toBeUndefined()
})

test('a mirror stands before the host and path of a URL', () => {
  const url = 'https://cloud.example.org/a/disk.img'
  expect(mirrored(url, undefined)).toBe(url)
  expect(mirrored(url, 'http://m.example/images/')).toBe('http://m.example/images/cloud.example.org/a/disk.img')
  expect(mirrored(url, 'file:///srv/images')).toBe('file:///srv/images/cloud.example.org/a/disk.img')
  expect(() => mirrored(url, '/srv/images')).toThrow(/^VITEST_GUEST_IMAGE_MIRROR must be a URL .*; got \/srv\/images\n/)
})

test('a build of a fixed digest is taken from the mirror, and refused when it is another', async () => {
  const server = await imageServer((request, response) => send(request, response, DISK))
  vi.stubEnv('VITEST_GUEST_IMAGE_MIRROR', server.url)
  const error = await failure(resolve({ vendor: 'rocky-9' }))
  expect(server.asked).toEqual([
    expect.stringMatching(/^\/dl\.rockylinux\.org\/pub\/rocky\/9\.\d+\/images\/x86_64\/Rocky-9-/),
  ])
  expect(error.message).toMatch(RegExp(`^The image rocky-9 has the wrong digest: .*, got sha256:${DIGEST}\\n`))
})

test('a mirror in a folder', async () => {
  const folder = temporaryFolder()
  await mkdir(join(folder, ROLLING_URL, '..'), { recursive: true })
  writeFileSync(join(folder, ROLLING_URL), DISK)
  writeFileSync(join(folder, `${ROLLING_URL}.sha256`), `${DIGEST}  Leap.qcow2\n`)
  vi.stubEnv('VITEST_GUEST_IMAGE_MIRROR', pathToFileURL(folder).href)
  expect(readFileSync((await resolve(ROLLING)).disk.path).equals(DISK)).toBe(true)
})

test('what the vendor has removed: the newest build is proposed', async () => {
  await mirror()
  const error = await failure(resolve({ vendor: 'ubuntu-24.04' }))
  expect(error.message).toMatch(
    /^The image ubuntu-24\.04 could not be downloaded: http.* answers with HTTP status 404\n/,
  )
  expect(error.hint).toMatch(/^The vendor may have removed this build: use 'ubuntu-24\.04-latest', or /)
})

test('a rolling image is looked up once a day, and replaced when there is a newer one', async () => {
  const server = await mirror()
  vi.useFakeTimers({ toFake: ['Date'] })
  const first = await resolve(ROLLING)
  await resolve(ROLLING)
  expect(server.checksums()).toBe(1)
  server.disk = NEWER
  vi.setSystemTime(Date.now() + DAY - 1000)
  expect((await resolve(ROLLING)).disk).toEqual(first.disk)
  expect(server.checksums()).toBe(1)
  vi.setSystemTime(Date.now() + 2000)
  const newer = await resolve(ROLLING)
  expect(readFileSync(newer.disk.path).equals(NEWER)).toBe(true)
  expect(server.checksums()).toBe(2)
  expect(await newer.digest()).not.toBe(await first.digest())
})

test('a rolling image that was replaced since it was looked up', async () => {
  const server = await mirror()
  await resolve(ROLLING)
  await rm(join(cache(), 'images', `opensuse-leap-16-${DIGEST.slice(0, 12)}`), { recursive: true })
  server.disk = NEWER
  expect(readFileSync((await resolve(ROLLING)).disk.path).equals(NEWER)).toBe(true)
  expect(server.checksums()).toBe(2)
})

test('a checksum file that has no digest', async () => {
  const server = await imageServer((_, response) => response.end('sorry\n'))
  vi.stubEnv('VITEST_GUEST_IMAGE_MIRROR', server.url)
  expect((await failure(resolve(ROLLING))).message).toMatch(
    /^The checksum file http.*\.sha256 has no digest for opensuse-leap-16\n/,
  )
})

test('what boots only with UEFI is refused before it is downloaded', async () => {
  expect((await failure(resolve({ vendor: 'alpine-3.23' }))).message).toMatch(
    /^The image alpine-3\.23 boots only with UEFI firmware; guests have a BIOS\n/,
  )
})

test('image pull: downloads, says how far, and looks for the newest', async () => {
  const server = await mirror()
  expect(await cli('image', 'pull', 'opensuse-leap-16')).toMatchObject({
    exitCode: 0,
    stdout: expect.stringMatching(/^opensuse-leap-16 {2}64 KiB disk {2}\/.*\/disk\.raw$/) as string,
    stderr: expect.stringMatching(
      /^opensuse-leap-16: downloading, 0 % of 0\.1 MB\nopensuse.*: downloaded 0\.1 MB/,
    ) as string,
  })
  server.disk = NEWER
  await cli('image', 'pull', 'opensuse-leap-16')
  expect(server.checksums()).toBe(2)
  const other = `${server.url}${ROLLING_URL}`
  expect(await cli('image', 'pull', other, '--sha256', sha256(NEWER))).toMatchObject({ exitCode: 0 })
  for (const [args, words] of [
    [['pull', 'opensuse-leap'], "Did you mean 'opensuse-leap-16'?"],
    [['pull', other], 'must be given with one digest'],
    [['pull', 'rocky-9', '--sha256', DIGEST], '--sha256 and --sha512 are for a URL'],
    [['pull'], 'usage: image pull NAME...'],
    [['rm', 'x', '--all'], '--all is for image ls'],
  ] as const) {
    const { exitCode, stderr } = await cli('image', ...args)
    expect(stderr).toContain(words)
    expect(exitCode).not.toBe(0)
  }
})

test('image add: takes a file that has the right digest, and only that', async () => {
  vi.stubEnv('VITEST_GUEST_IMAGE_MIRROR', 'http://127.0.0.1:9')
  const file = join(temporaryFolder(), 'fetched.img')
  writeFileSync(file, DISK)
  const wrong = await cli('image', 'add', 'rocky-9', file)
  expect(wrong.exitCode).toBe(1)
  expect(wrong.stderr).toMatch(
    RegExp(`The image rocky-9 has the wrong digest: expected sha256:.*, got sha256:${DIGEST}\n.*It was not added`),
  )
  expect(readFileSync(file).equals(DISK)).toBe(true)

  expect(await cli('image', 'add', 'opensuse-leap-16', file, '--sha256', DIGEST)).toMatchObject({ exitCode: 0 })
  expect((await resolve(ROLLING)).label).toBe('opensuse-leap-16')
  writeFileSync(file, NEWER)
  expect(await cli('image', 'add', `sha256:${sha256(NEWER)}`, file)).toMatchObject({ exitCode: 0 })
  const image = await resolve({ url: 'https://nowhere.invalid/x', digest: `sha256:${sha256(NEWER)}` })
  expect(image.disk.path).toMatch(/\/fetched\.img-[0-9a-f]{12}\/disk\.raw$/)

  for (const [args, words] of [
    [['debian-12', file], 'debian-12 is built on this host; it cannot be added'],
    [['rocky9', file], "Did you mean 'rocky-9'?"],
    [['rocky-9', file, '--sha256', DIGEST], 'The image rocky-9 has the digest sha256:'],
    [['rocky-9', '/nowhere/x'], 'the file does not exist'],
    [['rocky-9'], 'usage: image add NAME FILE'],
  ] as const) {
    const { exitCode, stderr } = await cli('image', 'add', ...args)
    expect(stderr).toContain(words)
    expect(exitCode).not.toBe(0)
  }
})

test('image ls, ls --all, rm and gc know downloaded images', async () => {
  await mirror()
  await resolve(ROLLING)
  const name = `opensuse-leap-16-${DIGEST.slice(0, 12)}`
  expect((await cli('image', 'ls')).stdout).toMatch(
    RegExp(`^${name} +\\d+ KiB +\\d+ s +\\d+ s ago +opensuse-leap-16 +a machine that may be`, 'm'),
  )
  const { stdout } = await cli('image', 'ls', '--all')
  expect(stdout).toMatch(/^NAME +IN CACHE +MEMORY +REMARKS +FROM$/m)
  expect(stdout).toMatch(/^debian-12 +- +512M +built here$/m)
  expect(stdout).toMatch(/^opensuse-leap-16 +\d+ KiB +1024M +https:\/\/download\.opensuse\.org\//m)
  expect(stdout).toMatch(/^alpine-3\.23 +- +512M +uefi, no systemd +https:/m)
  expect(String(stdout).split('\n')).toHaveLength(BUILT_IMAGES.length + VENDOR_IMAGE_NAMES.length + 1)

  const then = new Date(Date.now() - 2 * DAY)
  await utimes(join(cache(), 'images', name), then, then)
  expect((await cli('gc')).stdout).not.toContain(name)
  const note = join(cache(), 'images', 'newest-opensuse-leap-16.json')
  writeFileSync(note, readFileSync(note, 'utf8').replace(DIGEST, sha256(NEWER)))
  expect((await cli('gc', '--dry-run')).stdout).toMatch(
    RegExp(`^image ${name} .* would be removed: superseded: opensuse-leap-16 is another build now$`, 'm'),
  )
  expect((await cli('image', 'rm', 'opensuse')).stdout).toMatch(RegExp(`^image ${name}  \\d+ KiB  removed$`))
  expect(readdirSync(join(cache(), 'images')).filter((each) => each === name)).toEqual([])
})
