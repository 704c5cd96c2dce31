import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdir, mkdtemp, open, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeCredentials } from '../../src/seed/credentials.ts'
import { FreezeError } from '../../src/template/freeze.ts'
import { discardTemplate, findTemplate, type Wanted } from '../../src/template/find-template.ts'
import { FILES, openTemplate, seal, type Template } from '../../src/template/store.ts'

const KEY = 'a'.repeat(32)
const NAMES = Object.values(FILES)

let cache: string
let folder: string
let saved: string | undefined

beforeEach(async () => {
  cache = await mkdtemp(join(tmpdir(), 'vg-store-'))
  folder = join(cache, 'templates', KEY)
  saved = process.env['VITEST_GUEST_CACHE']
  process.env['VITEST_GUEST_CACHE'] = cache
})
afterEach(async () => {
  if (saved === undefined) delete process.env['VITEST_GUEST_CACHE']
  else process.env['VITEST_GUEST_CACHE'] = saved
  await rm(cache, { recursive: true, force: true })
})

/** What a build leaves, in small: each file with content around a hole. */
async function fill(into: string): Promise<void> {
  for (const name of NAMES) {
    await using file = await open(join(into, name), 'w')
    await file.write(`${name} begins`, 0)
    await file.write(`${name} ends`, 3 * 1024 * 1024)
  }
  const facts = { label: 'test', image: '/disk', memoryMib: 1, createdAt: new Date().toISOString(), buildMs: 1 }
  await seal(into, {
    key: KEY,
    ...facts,
    hostname: 'guest',
    cards: [{ name: 'eth0', macAddress: '52:54:00:00:00:01', address: '192.168.100.224' }],
    unchangeable: '',
    credentials: makeCredentials(),
    warnings: [],
  })
}

function wanted(more: Partial<Wanted> = {}): Wanted {
  return { key: KEY, label: 'test', onProgress: () => {}, build: fill, ...more }
}

async function flipByte(path: string, at: number): Promise<void> {
  await using file = await open(path, 'r+')
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at)
  await file.write(Buffer.from([(buffer[0] ?? 0) ^ 1]), 0, 1, at)
}

test('what was sealed opens, with everything that was said of it', async () => {
  await mkdir(folder, { recursive: true })
  await fill(folder)
  expect(await openTemplate(folder, KEY)).toMatchObject({ key: KEY, folder, hostname: 'guest' })
})

test.for([...NAMES, 'manifest.json'])('a byte of %s that flips is noticed', async (name) => {
  await findTemplate(wanted())
  const { size } = await stat(join(folder, name))
  for (const at of [0, Math.floor(size / 2), size - 2]) {
    await flipByte(join(folder, name), at)
    expect(await openTemplate(folder, KEY)).toEqual({ fault: `the content of ${name} has changed`, absent: false })
    await flipByte(join(folder, name), at)
    expect(await openTemplate(folder, KEY)).not.toHaveProperty('fault')
  }
})

test.for(NAMES)('%s that is cut short, or gone, is noticed', async (name) => {
  await findTemplate(wanted())
  await truncate(join(folder, name), 1024 * 1024)
  expect(await openTemplate(folder, KEY)).toHaveProperty('fault')
  await rm(join(folder, name))
  expect(await openTemplate(folder, KEY)).toMatchObject({
    fault: expect.stringContaining('ENOENT') as string,
    absent: false,
  })
})

test('stamps that are rubbish only cost a reading', async () => {
  await findTemplate(wanted())
  await writeFile(join(folder, 'stamps'), 'rubbish')
  expect(await openTemplate(folder, KEY)).not.toHaveProperty('fault')
  expect(await readFile(join(folder, 'stamps'), 'utf8')).toContain('memory')
})

test('another key, or another format version, is not served', async () => {
  await findTemplate(wanted())
  expect(await openTemplate(folder, 'b'.repeat(32))).toEqual({ fault: 'it was made for another key', absent: false })
  const manifest = join(folder, 'manifest.json')
  const [text = ''] = (await readFile(manifest, 'utf8')).split('\n')
  const { createHash } = await import('node:crypto')
  const old = text.replace(/"formatVersion":\d+/, '"formatVersion":0')
  await writeFile(manifest, `${old}\n${createHash('sha256').update(old).digest('hex')}\n`)
  expect(await openTemplate(folder, KEY)).toEqual({ fault: 'format version 0', absent: false })
})

test('a template that was copied elsewhere is read through once, and is good', async () => {
  await findTemplate(wanted())
  const copy = join(cache, 'elsewhere', KEY)
  await cp(folder, copy, { recursive: true })
  const before = await readFile(join(copy, 'stamps'), 'utf8')
  expect(await openTemplate(copy, KEY)).not.toHaveProperty('fault')
  expect(await readFile(join(copy, 'stamps'), 'utf8')).not.toBe(before)
})

test('using a template is noted as the time of its folder', async () => {
  await findTemplate(wanted())
  await utimes(folder, 0, 0)
  await openTemplate(folder, KEY)
  expect(Date.now() - (await stat(folder)).mtimeMs).toBeLessThan(60_000)
})

test('a broken template is built anew, once, and that is said', async () => {
  await findTemplate(wanted())
  await flipByte(join(folder, FILES.state), 0)
  const said: string[] = []
  let builds = 0
  const build = (into: string) => {
    builds++
    return fill(into)
  }
  for (let i = 0; i < 3; i++) await findTemplate(wanted({ build, onProgress: (line) => said.push(line) }))
  expect(builds).toBe(1)
  expect(said).toEqual(['rebuilding the template test: the content of state has changed'])
})

test('a build that fails leaves nothing, and the next caller builds', async () => {
  const build = async (into: string) => {
    await writeFile(join(into, FILES.memory), 'half')
    throw new Error('no luck')
  }
  await expect(findTemplate(wanted({ build }))).rejects.toThrow('no luck')
  expect(await openTemplate(folder, KEY)).toMatchObject({ absent: true })
  expect(await findTemplate(wanted())).toMatchObject({ key: KEY })
})

test('what cannot be frozen is not tried again', async () => {
  let builds = 0
  const build = () => {
    builds++
    return Promise.reject(new FreezeError('The guest cannot be frozen: for a reason'))
  }
  for (let i = 0; i < 2; i++) {
    expect(await findTemplate(wanted({ build }))).toEqual({ unfreezable: 'The guest cannot be frozen: for a reason' })
  }
  expect(builds).toBe(1)
})

test('a template that is discarded twice is gone once: not what somebody built meanwhile', async () => {
  const first = (await findTemplate(wanted())) as Template
  await discardTemplate(first)
  expect(await openTemplate(folder, KEY)).toMatchObject({ absent: true })
  const second = (await findTemplate(wanted())) as Template
  await discardTemplate({ ...first, createdAt: '1999-01-01T00:00:00Z' })
  expect(await openTemplate(folder, KEY)).toMatchObject({ createdAt: second.createdAt })
})

/** A process that wants the template. It says when it has begun to build it, and builds until its input ends; or when it waits for another. */
function builder() {
  const code = `
    const { findTemplate } = await import('${new URL('../../src/template/find-template.ts', import.meta.url).href}')
    const { cpSync } = await import('node:fs')
    const said = []
    const build = async (into) => {
      cpSync(process.argv[1], into, { recursive: true })
      console.log('building')
      await new Promise((resolve) => process.stdin.resume().on('end', resolve))
    }
    const onProgress = (line) => said.push(line) === 1 && console.log('waiting')
    await findTemplate({ key: '${KEY}', label: 'test', onProgress, build })
    console.log('done ' + JSON.stringify(said))`
  const child = spawn(process.execPath, ['--input-type=module', '-e', code, join(cache, 'model')], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: process.env,
  })
  let output = ''
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
  return { child, output: () => output, begun: once(child.stdout, 'data'), ended: once(child, 'close') }
}

test('two processes want the same template: one builds, the other waits and is told for whom', async () => {
  await mkdir(join(cache, 'model'))
  await fill(join(cache, 'model'))
  const first = builder()
  await first.begun
  const second = builder()
  await second.begun
  first.child.stdin.end()
  await Promise.all([first.ended, second.ended])
  expect(first.output()).toBe('building\ndone []\n')
  expect(second.output()).toMatch(
    /^waiting\ndone \["waiting for process \d+, which is building the template test \(\d+ s\)"/,
  )
})

test('a builder that is killed leaves the template to the next caller', async () => {
  await mkdir(join(cache, 'model'))
  await fill(join(cache, 'model'))
  const { child, begun, ended } = builder()
  await begun
  child.kill('SIGKILL')
  await ended
  expect(await openTemplate(folder, KEY)).toMatchObject({ absent: true })
  expect(await findTemplate(wanted())).toMatchObject({ key: KEY, folder })
})
