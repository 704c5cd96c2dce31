import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm, stat, symlink, truncate, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { pick } from '../../src/cli/show/pick.ts'
import { lsOrRm } from '../../src/cli/entries.ts'
import { renderTable } from '../../src/cli/show/table.ts'
import { durationText, sizeText } from '../../src/cli/show/units.ts'
import { takeLock, tryLock } from '../../src/host/program/lock.ts'
import { names } from '../../src/cache/user-of.ts'
import { builtImageName } from '../../src/image/images-folder.ts'
import { makeRecipe } from '../../src/image/build/recipe.ts'
import { makeCredentials } from '../../src/seed/credentials.ts'
import { FILES, seal } from '../../src/template/store.ts'
import { runCli } from './support/node.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const DAY = 86_400_000
const A = 'a'.repeat(32)
const B = 'b'.repeat(32)
const C = 'c'.repeat(32)
const PRESENT = makeRecipe({ base: 'debian-12', packages: [] })
const IMAGE = PRESENT.folder

let cache: string

beforeEach(() => {
  cache = temporaryFolder()
})

const children: ChildProcess[] = []
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue
    child.kill('SIGKILL')
    await once(child, 'close')
  }
})

function cli(...args: string[]) {
  return runCli(args, { VITEST_GUEST_CACHE: cache })
}

async function age(path: string, days: number): Promise<void> {
  const then = new Date(Date.now() - days * DAY)
  await utimes(path, then, then)
}

/** A small version of what a build leaves in the cache, last used so many days ago. */
async function makeTemplate(key: string, { image = IMAGE, days = 1 } = {}): Promise<string> {
  const folder = join(cache, 'templates', key)
  await mkdir(folder, { recursive: true })
  for (const name of Object.values(FILES)) await writeFile(join(folder, name), Buffer.alloc(8192, name))
  await seal(folder, {
    key,
    label: `template ${key[0]}`,
    // The cache was moved afterwards.
    image: image.startsWith('/') ? image : `/moved/images/${image}/disk.raw`,
    memoryMib: 1,
    createdAt: new Date(Date.now() - 2 * DAY).toISOString(),
    buildMs: 1,
    hostname: 'guest',
    cards: [{ name: 'eth0', macAddress: '52:54:00:00:00:01', address: '192.168.100.224' }],
    unchangeable: '',
    credentials: makeCredentials(),
    warnings: [],
  })
  await age(folder, days)
  return folder
}

async function makeImage({
  recipe = PRESENT,
  name = IMAGE,
  days = 1,
}: { recipe?: object; name?: string; days?: number } = {}): Promise<string> {
  const folder = join(cache, 'images', name)
  await mkdir(folder, { recursive: true })
  for (const file of ['disk.raw', 'kernel', 'initrd']) await writeFile(join(folder, file), Buffer.alloc(8192, file))
  await writeFile(join(folder, 'recipe.json'), JSON.stringify(recipe))
  await age(join(folder, 'disk.raw'), 3)
  await age(folder, days)
  return folder
}

/** A process with a path among its arguments, like QEMU. */
async function processNaming(argument: string): Promise<number> {
  const code = "console.log('up'); setInterval(() => {}, 1000)"
  const child = spawn(process.execPath, ['-e', code, '--', argument], { stdio: ['ignore', 'pipe', 'inherit'] })
  children.push(child)
  await once(child.stdout, 'data')
  return child.pid ?? 0
}

/** A process that holds one of our locks, like a builder. */
async function builderHolding(path: string): Promise<ChildProcess & { pid: number }> {
  const url = new URL('../../src/host/program/lock.ts', import.meta.url).href
  const code = `
    const { takeLock } = await import('${url}')
    await takeLock(process.argv[1], 'the template web', () => {})
    console.log('held')
    setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  await once(child.stdout, 'data')
  return child as ChildProcess & { pid: number }
}

function isThere(...path: string[]): boolean {
  return existsSync(join(cache, ...path))
}

test('an empty cache has nothing to list, remove or collect', async () => {
  expect(await cli('template', 'ls')).toMatchObject({ exitCode: 0, stdout: 'There are no templates.' })
  expect(await cli('image', 'ls')).toMatchObject({ exitCode: 0, stdout: 'There are no images.' })
  expect(await cli('gc')).toMatchObject({ exitCode: 0, stdout: 'freed in total: 0 B' })
  expect(await cli('template', 'rm', 'a')).toMatchObject({
    exitCode: 1,
    stderr: "vitest-guest: There is no template 'a'\nThere are no templates.",
  })
})

test('a cache that cannot be read is not taken for an empty one', async () => {
  await writeFile(join(cache, 'templates'), '')
  const { exitCode, stderr } = await cli('template', 'ls')
  expect(exitCode).toBe(1)
  expect(stderr).toMatch(/^vitest-guest: The cache cannot be read: ENOTDIR.*$/)
})

test('template ls: key, size, age, last use, contents, and who uses it', async () => {
  await makeImage()
  await makeTemplate(A)
  const pid = await processNaming(`file=${await makeTemplate(B)}/disk.qcow2,format=qcow2`)
  const { stdout } = await cli('template', 'ls')
  expect(String(stdout).split('\n')).toEqual([
    expect.stringMatching(/^KEY {31}SIZE {4}AGE {2}LAST USE {2}OF {10}IN USE BY$/),
    expect.stringMatching(/^a{32} {2}\d\d KiB {2}2 d {2}1 d ago {3}template a$/),
    expect.stringMatching(RegExp(`^b{32}  \\d\\d KiB  2 d  1 d ago   template b  process ${pid} \\(node\\)$`)),
  ])
})

test('template ls does not count as a use', async () => {
  const folder = await makeTemplate(A)
  const { mtimeMs } = await stat(folder)
  await cli('template', 'ls')
  expect((await stat(folder)).mtimeMs).toBe(mtimeMs)
})

test('image ls names the templates that are based on an image', async () => {
  await makeImage()
  await makeTemplate(A)
  const { stdout } = await cli('image', 'ls')
  expect(String(stdout).split('\n')).toEqual([
    expect.stringMatching(/^NAME +SIZE +AGE +LAST USE +OF +IN USE BY$/),
    expect.stringMatching(RegExp(`^${IMAGE}  \\d\\d KiB  3 d  1 d ago   debian-12  template a{12}$`)),
  ])
})

test("size is the space occupied on the disk, not the files' lengths", async () => {
  const folder = await makeImage()
  await truncate(join(folder, 'disk.raw'), 8 * 1024 ** 3)
  await age(folder, 1)
  expect((await cli('image', 'ls')).stdout).toMatch(/ \d\d KiB /)
})

test('template rm takes beginnings of keys, and leaves others alone', async () => {
  for (const key of [A, B, C]) await makeTemplate(key)
  const { exitCode, stdout } = await cli('template', 'rm', 'aa', B)
  expect(exitCode).toBe(0)
  expect(stdout).toMatch(/^template a{32} {2}\d\d KiB {2}removed\ntemplate b{32} {2}\d\d KiB {2}removed$/)
  expect([A, `${A}.building`, B, C].map((name) => isThere('templates', name))).toEqual([false, false, false, true])
})

test('template rm of an unknown key removes nothing, and lists the keys', async () => {
  await makeTemplate(A)
  expect(await cli('template', 'rm', A, 'zzz')).toMatchObject({
    exitCode: 1,
    stdout: '',
    stderr: `vitest-guest: There is no template 'zzz'\nKnown templates: ${A}`,
  })
  expect(isThere('templates', A)).toBe(true)
})

test('template rm of a template in use names the process', async () => {
  const pid = await processNaming(`memory-backend-file,mem-path=${await makeTemplate(A)}/memory,share=off`)
  expect(await cli('template', 'rm', A)).toMatchObject({
    exitCode: 1,
    stderr: `vitest-guest: Template ${A} is in use by process ${pid} (node)`,
  })
  expect(isThere('templates', A, 'memory')).toBe(true)
})

test('a process that names the cache by another path uses it too', async () => {
  await makeTemplate(A)
  const real = cache
  const link = join(temporaryFolder(), 'link')
  await symlink(real, link)
  const pid = await processNaming(join(real, 'templates', A, 'memory'))
  cache = link
  expect((await cli('template', 'rm', A)).stderr).toContain(`in use by process ${pid} (node)`)
})

test('a template used less than a minute ago is in use: a clone may be about to start', async () => {
  const folder = await makeTemplate(A)
  await age(folder, 30 / 86_400)
  expect((await cli('template', 'rm', A)).stderr).toMatch(/in use by a machine that may be about to start .*3\d s ago/)
  await age(folder, 70 / 86_400)
  expect(await cli('template', 'rm', A)).toMatchObject({ exitCode: 0 })
})

test('a template that is being built is in use until the builder is killed', async () => {
  await makeImage()
  await makeTemplate(A)
  await mkdir(join(cache, 'templates', `${A}.building`))
  const builder = await builderHolding(join(cache, 'templates', `${A}.lock`))
  const user = `in use by process ${builder.pid}, which is building the template web`
  expect(await cli('template', 'rm', A)).toMatchObject({
    exitCode: 1,
    stderr: `vitest-guest: Template ${A} is ${user}`,
  })
  expect((await cli('template', 'ls')).stdout).toMatch(
    RegExp(`^${A} .* being built +process ${builder.pid}, which is`, 'm'),
  )
  expect((await cli('gc')).stdout).toMatch(RegExp(`^template ${A}.building .* kept: ${user} \\(left over`))
  expect(isThere('templates', `${A}.building`)).toBe(true)

  builder.kill('SIGKILL')
  await once(builder, 'close')
  expect((await cli('template', 'ls')).stdout).toMatch(/left over from an interrupted build$/m)
  expect((await cli('gc')).stdout).toMatch(
    RegExp(`^template ${A}.building .* removed: left over from an interrupted build`),
  )
  expect([`${A}.building`, A].map((name) => isThere('templates', name))).toEqual([false, true])
})

test('image rm refuses while templates are based on the image, and names them', async () => {
  await makeImage()
  await makeTemplate(A)
  expect(await cli('image', 'rm', IMAGE)).toMatchObject({
    exitCode: 1,
    stderr: `vitest-guest: These templates are based on image ${IMAGE}: ${A}\nRemove them first: npx vitest-guest template rm ${A}`,
  })
  await cli('template', 'rm', A)
  expect((await cli('image', 'rm', 'debian-12')).stdout).toMatch(RegExp(`^image ${IMAGE}  \\d\\d KiB  removed$`))
  expect((await cli('image', 'ls')).stdout).toBe('There are no images.')
})

test('image rm of an image in use names the process', async () => {
  const pid = await processNaming(`${await makeImage()}/kernel`)
  expect(await cli('image', 'rm', IMAGE)).toMatchObject({
    exitCode: 1,
    stderr: `vitest-guest: Image ${IMAGE} is in use by process ${pid} (node)`,
  })
  expect(isThere('images', IMAGE, 'kernel')).toBe(true)
})

test('gc keeps intact entries that were used lately, and files that are not ours', async () => {
  await makeImage()
  await makeTemplate(A)
  await makeTemplate(B, { image: join(temporaryFolder(), '.') })
  await writeFile(join(cache, 'templates', `${C}.cold`), 'why')
  await writeFile(join(cache, 'templates', `${C}.lock`), '')
  await writeFile(join(cache, 'kvm.json'), '{}')
  for (const name of ['images/notes', 'templates/notes']) {
    await mkdir(join(cache, name))
    await age(join(cache, name), 99)
  }
  expect(await cli('gc')).toMatchObject({ exitCode: 0, stdout: 'freed in total: 0 B' })
})

test('gc removes what was not used for 30 days: first the templates, then their image', async () => {
  await makeImage({ days: 31 })
  await makeTemplate(A, { days: 31 })
  const { exitCode, stdout } = await cli('gc')
  expect(exitCode).toBe(0)
  expect(stdout).toMatch(
    RegExp(
      `^template ${A}  (\\d\\d) KiB  removed: not used for 31 days\n` +
        `image ${IMAGE}  (\\d\\d) KiB  removed: not used for 31 days\n` +
        `freed in total: \\d\\d KiB$`,
    ),
  )
  expect([isThere('templates', A), isThere('images', IMAGE)]).toEqual([false, false])
})

test('--older-than and --dry-run: shows what it would remove, and removes nothing', async () => {
  await makeImage({ days: 8 })
  await makeTemplate(A, { days: 8 })
  expect((await cli('gc', '--dry-run', '--older-than', '9')).stdout).toBe('would be freed in total: 0 B')
  const { stdout } = await cli('gc', '--dry-run', '--older-than', '7')
  expect(stdout).toMatch(
    /^template a{32} .* would be removed: not used for 8 days\nimage .* would be removed: not used/,
  )
  expect(stdout).toMatch(/\nwould be freed in total: [^0].*$/)
  expect([isThere('templates', A, 'memory'), isThere('images', IMAGE, 'disk.raw')]).toEqual([true, true])
  await cli('gc', '--older-than', '7')
  expect([isThere('templates', A), isThere('images', IMAGE)]).toEqual([false, false])
})

test('gc keeps what is in use, however old, and the image that it is based on', async () => {
  await makeImage({ days: 99 })
  const pid = await processNaming(`file=${await makeTemplate(A, { days: 99 })}/disk.qcow2,format=qcow2`)
  const { exitCode, stdout } = await cli('gc')
  expect(exitCode).toBe(0)
  expect(stdout).toMatch(
    RegExp(`^template ${A} .* kept: in use by process ${pid} \\(node\\) \\(not used for 99 days\\)\n`),
  )
  expect(stdout).toMatch(RegExp(`\nimage ${IMAGE} .* kept: needed by template ${A} .*\nfreed in total: 0 B$`))
  expect([isThere('templates', A, 'memory'), isThere('images', IMAGE, 'disk.raw')]).toEqual([true, true])
})

test('gc removes broken templates', async () => {
  await makeImage()
  const flipped = await makeTemplate(A)
  await writeFile(join(flipped, 'manifest.json'), 'rubbish')
  const old = join(await makeTemplate(B), 'manifest.json')
  const [text = ''] = (await readFile(old, 'utf8')).split('\n')
  const older = text.replace(/"formatVersion":\d+/, '"formatVersion":0')
  await writeFile(old, `${older}\n${createHash('sha256').update(older).digest('hex')}\n`)
  const cut = await makeTemplate(C)
  await rm(join(cut, FILES.state))
  for (const folder of [flipped, cut]) await age(folder, 1)
  const { stdout } = await cli('gc')
  expect(stdout).toMatch(/^template a{32} .* removed: broken: the content of manifest\.json has changed$/m)
  expect(stdout).toMatch(/^template b{32} .* removed: broken: format version 0, of an older release$/m)
  expect(stdout).toMatch(/^template c{32} .* removed: broken: state is missing$/m)
})

test('gc removes a template whose image is gone, built or the user’s own', async () => {
  const disk = join(temporaryFolder(), 'own.qcow2')
  await writeFile(disk, '')
  await makeTemplate(A)
  await makeTemplate(B, { image: disk })
  expect((await cli('gc')).stdout).toMatch(RegExp(`^template ${A} .* removed: its image ${IMAGE} is gone\nfreed`))
  await rm(disk)
  expect((await cli('gc')).stdout).toMatch(RegExp(`^template ${B} .* removed: its image ${disk} is gone\nfreed`))
})

test('gc removes an image that this release builds differently, with its templates, and keeps current ones', async () => {
  const packages = ['nginx', 'vim']
  const present = makeRecipe({ base: 'debian-12', packages })
  await makeImage({ recipe: present, name: present.folder })
  const name = 'debian-12+nginx+vim-000000000000'
  await makeImage({ recipe: { ...present, key: '0'.repeat(64), folder: name }, name })
  await makeTemplate(A, { image: name })
  await makeTemplate(B, { image: present.folder })
  const superseded = 'superseded: this release builds another debian-12 \\+ nginx \\+ vim'
  const escaped = name.replaceAll('+', '\\+')
  expect((await cli('gc')).stdout).toMatch(
    RegExp(
      `^template ${A} .* removed: its image ${escaped} is ${superseded}\nimage ${escaped} .* removed: ${superseded}\nfreed`,
    ),
  )
  expect([isThere('templates', B), isThere('images', present.folder), isThere('images', name)]).toEqual([
    true,
    true,
    false,
  ])
})

test('gc removes images without recipe or disk, and those of an unknown base', async () => {
  await rm(join(await makeImage({ name: 'debian-12-000000000001' }), 'recipe.json'))
  await rm(join(await makeImage(), 'disk.raw'))
  const name = 'debian-99-000000000002'
  await makeImage({ recipe: { label: 'debian-99', key: '2'.repeat(64), folder: name }, name })
  for (const image of ['debian-12-000000000001', IMAGE]) await age(join(cache, 'images', image), 1)
  const { stdout } = await cli('gc')
  expect(stdout).toMatch(/^image debian-12-000000000001 .* removed: broken: recipe\.json cannot be read$/m)
  expect(stdout).toMatch(RegExp(`^image ${IMAGE} .* removed: broken: disk\\.raw is missing$`, 'm'))
  expect(stdout).toMatch(/^image debian-99-000000000002 .* removed: superseded: .* debian-99$/m)
})

test('gc removes dead builds of images, but not while a build holds the lock', async () => {
  await mkdir(join(cache, 'images', 'building-abc', 'root'), { recursive: true })
  const builder = await builderHolding(join(cache, 'images', '.lock'))
  expect((await cli('gc')).stdout).toMatch(
    RegExp(`^image building-abc .* kept: in use by process ${builder.pid}, which`),
  )
  builder.kill('SIGKILL')
  await once(builder, 'close')
  expect((await cli('gc')).stdout).toMatch(/^image building-abc .* removed: left over from an interrupted build\nfreed/)
  expect(isThere('images', 'building-abc')).toBe(false)
})

test('gc removes old notes and locks, but not the lock of an existing template', async () => {
  await makeImage()
  await makeTemplate(A)
  for (const name of [`${A}.lock`, `${B}.lock`, `${B}.cold`]) {
    await writeFile(join(cache, 'templates', name), '')
    await age(join(cache, 'templates', name), 40)
  }
  expect((await cli('gc')).stdout).toMatch(
    RegExp(
      `^note ${B}\\.cold .* removed: not used for 40 days\nlock ${B}\\.lock .* removed: not used for 40 days\nfreed`,
    ),
  )
  expect([`${A}.lock`, `${B}.lock`, `${B}.cold`].map((name) => isThere('templates', name))).toEqual([
    true,
    false,
    false,
  ])
})

test('gc continues after something that it cannot remove, and its exit code says so', async () => {
  await makeImage({ days: 40 })
  await makeTemplate(A, { days: 40 })
  // Not even root can take this lock.
  await symlink('/nowhere/at/all', join(cache, 'templates', `${A}.lock`))
  await makeTemplate(B, { days: 40 })
  const { exitCode, stdout } = await cli('gc')
  expect(exitCode).toBe(1)
  expect(stdout).toMatch(RegExp(`^template ${A} .* could not be removed: .*\ntemplate ${B} .* removed: `, 'm'))
  expect(stdout).toMatch(RegExp(`^image ${IMAGE} .* kept: needed by template ${A} `, 'm'))
})

test('a cache that was moved as a whole keeps its templates', async () => {
  await makeImage()
  await makeTemplate(A)
  const moved = join(temporaryFolder(), 'moved')
  await rename(cache, moved)
  await mkdir(cache)
  onTestFinished(() => rm(moved, { recursive: true, force: true }))
  cache = moved
  expect((await cli('gc')).stdout).toBe('freed in total: 0 B')
})

test.for([
  [['template', 'rm'], 'usage: template ls, or template rm KEY...'],
  [['image', 'ls', '--everything'], "'--everything'"],
  [['gc', '--older-than', 'a week'], 'DAYS must be a whole number; got a week'],
] as const)('%j is refused with exit code 2', async ([args, message]) => {
  const { exitCode, stdout, stderr } = await cli(...args)
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' })
  expect(stderr).toContain(message)
})

test('a command that lists and removes takes ls, or rm with names', () => {
  expect(lsOrRm('image', 'NAME', ['ls'])).toBeUndefined()
  expect(lsOrRm('image', 'NAME', ['rm', 'a', 'b'])).toEqual(['a', 'b'])
  for (const args of [[], ['rm'], ['ls', 'a'], ['show']]) {
    expect(() => lsOrRm('image', 'NAME', args)).toThrow('usage: image ls, or image rm NAME...')
  }
})

test.for(['template', 'image', 'gc'])('%s --help says what it does', async (command) => {
  const { exitCode, stdout } = await cli(command, '--help')
  expect(exitCode).toBe(0)
  expect(stdout).toMatch(RegExp(`^Usage: vitest-guest ${command} [\\s\\S]*Never removes[\\s\\S]*Exit code: `))
})

test('a lock that is held is not waited for; a released one is taken', async () => {
  const path = join(cache, 'x.lock')
  const held = await takeLock(path, 'something', () => {})
  expect(await tryLock(path)).toBeUndefined()
  await held[Symbol.asyncDispose]()
  const { mtimeMs } = await stat(path)
  const taken = await tryLock(path)
  expect(await tryLock(path)).toBeUndefined()
  await taken?.[Symbol.asyncDispose]()
  expect((await stat(path)).mtimeMs).toBe(mtimeMs)
  await expect(tryLock(join(cache, 'nowhere', 'x.lock'))).rejects.toThrow('cannot be taken')
})

test('arguments that name a folder or something in it are found, but not its neighbours', () => {
  const folder = '/c,d/templates/abc'
  const isNamed = (arg: string) => names(['qemu', arg], folder)
  expect([folder, `${folder}/memory`, `file=/c,,d/templates/abc/disk.qcow2,format=qcow2`].map(isNamed)).toEqual([
    true,
    true,
    true,
  ])
  expect([`${folder}d/memory`, `${folder}.building/memory`, '/c/templates/abc'].map(isNamed)).toEqual([
    false,
    false,
    false,
  ])
})

test("a disk's last folders show that it is a built image, wherever the cache was", () => {
  expect(builtImageName(`/anywhere/images/${IMAGE}/disk.raw`)).toBe(IMAGE)
  expect(builtImageName('/srv/images/web/disk.raw')).toBeUndefined()
  expect(builtImageName(`/srv/${IMAGE}/disk.raw`)).toBeUndefined()
})

test('names are picked by their beginnings', () => {
  expect(pick('image', ['ab', 'abc', 'b'], ['ab', 'b', 'ab'])).toEqual(['ab', 'b'])
  expect(() => pick('image', ['ab', 'abc'], ['a'])).toThrow("'a' is ambiguous; it could be any of: ab, abc")
  expect(() => pick('image', ['ab'], [''])).toThrow("There is no image ''\nKnown images: ab")
})

test('sizes, durations and tables are readable', () => {
  expect([0, 999, 1024, 450e6, 1.3e9, 5e12].map(sizeText)).toEqual([
    '0 B',
    '999 B',
    '1.0 KiB',
    '429 MiB',
    '1.2 GiB',
    '4.5 TiB',
  ])
  expect([-5, 0, 59_999, 60_000, 3_600_000, DAY * 2.9].map(durationText)).toEqual([
    '0 s',
    '0 s',
    '59 s',
    '1 min',
    '1 h',
    '2 d',
  ])
  expect(renderTable(['A', 'BB', 'C'], [['aaa', 'b', ''], ['a', 'b', '']])).toBe('A    BB\naaa  b\na    b\n') // prettier-ignore
})
