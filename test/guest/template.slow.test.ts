import { cp, mkdir, mkdtemp, open, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { FreshGuests } from '../../fixtures/leases/fresh-guests.ts'
import { bootGuest, type BootOptions, type Guest } from '../../src/index.ts'
import { listTemplates } from '../../src/template/list-templates.ts'
import { FILES, readManifest, seal } from '../../src/template/store.ts'
import { attemptBoot } from '../support/attempt-boot/attempt-boot.ts'
import { leftovers, ownTemporaryFolder } from '../support/leftovers.ts'
import { makeImageWithoutSystemd } from '../support/odd-image/odd-image.ts'
import { ownCache } from '../support/own-cache.ts'
import { PHASES } from '../support/phases.ts'
import { asRoot } from '../support/sudo.ts'
import { LIMITS } from '../support/time-limits.ts'

const CLONES = 20
/** The host's own tolerance, plus what the command that asks takes under emulation. */
const CLOCK = { early: 0.5, late: 0.5 }

let temporary: Awaited<ReturnType<typeof ownTemporaryFolder>>
let template: string

beforeAll(async () => {
  temporary = await ownTemporaryFolder()
  process.env['TMPDIR'] = temporary.path
  // Whoever comes first builds it; from here on it is there.
  await using guest = await bootGuest()
  expect(guest.started).toBe('warm')
  expect(guest.phases.map(({ name }) => name)).toEqual(PHASES.warm)
  const templates = (await listTemplates()).sort((one, other) => Number(other.lastUse) - Number(one.lastUse))
  template = templates[0]?.folder as string
})
afterEach(() => expect(leftovers(temporary.path)).toEqual([]))
afterAll(async () => {
  delete process.env['TMPDIR']
  await temporary[Symbol.asyncDispose]()
})

/** A cache with a copy of the default template, for breaking. */
async function cacheWithTemplate() {
  const cache = await ownCache()
  const copy = join(cache.templates, template.split('/').at(-1) as string)
  await mkdir(cache.templates)
  await execa('cp', ['--recursive', '--sparse=always', template, copy])
  return { ...cache, copy, [Symbol.asyncDispose]: () => cache[Symbol.asyncDispose]() }
}

/**
 * Starts a guest in another cache and gives up as soon as a template is being built, or a phase begins. Returns what was
 * said until then.
 */
async function startUntilBuild(cache: string, options: BootOptions = {}, phase?: string): Promise<string[]> {
  const said: string[] = []
  const abort = new AbortController()
  const stop = () => abort.abort(new Error('seen enough'))
  const warn = ({ message }: Error) => void said.push(message)
  const saved = process.env['VITEST_GUEST_CACHE']
  process.env['VITEST_GUEST_CACHE'] = cache
  process.on('warning', warn)
  try {
    await using _ = await bootGuest({
      ...options,
      signal: abort.signal,
      onProgress: (line) => {
        said.push(line)
        if (phase === undefined && /: network \(/.test(line)) stop()
      },
      onPhase: ({ name }) => {
        if (name === phase) stop()
      },
    })
    said.push('started')
  } catch (error) {
    said.push((error as Error).message)
  } finally {
    process.off('warning', warn)
    if (saved === undefined) delete process.env['VITEST_GUEST_CACHE']
    else process.env['VITEST_GUEST_CACHE'] = saved
  }
  return said
}

/** Mostly without programs, each of which is a tenth of a second under emulation. `uuidgen` is in no image of ours. */
const LOOK = `
echo $EPOCHREALTIME
od -An -N16 -tx1 /dev/urandom
echo $(</proc/sys/kernel/random/uuid)
ssh-keygen -q -t ed25519 -N '' -f /root/made && read -r _ key _ </root/made.pub && echo $key
echo $(</proc/sys/kernel/random/boot_id)`

/** What takes an emulated guest longest, so not in each of them: our connection alone, no terminal, no failed unit. */
const LOOK_CLOSER = `
ss -Htn state established '( sport = :22 )' | wc -l
loginctl list-sessions --no-legend | grep -c pts || true
systemctl --failed --no-legend --plain | wc -l`

test(`${CLONES} clones: each with the host's clock and its own entropy, without sessions and failed units`, async () => {
  const seen = { urandom: new Set(), uuid: new Set(), key: new Set(), boot: new Set() }
  for (let i = 0; i < CLONES; i++) {
    await using guest = await bootGuest()
    expect(guest.started).toBe('warm')
    const before = Date.now() / 1000
    const { stdout } = await guest.exec(`exec 2>&1\n${LOOK}`)
    const after = Date.now() / 1000
    const [date = '', urandom, uuid, key, boot] = stdout.split('\n')
    expect(Number(date)).toBeGreaterThan(before - CLOCK.early)
    expect(Number(date)).toBeLessThan(after + CLOCK.late)
    if (i % 5 === 0) expect((await guest.exec(LOOK_CLOSER)).stdout).toBe('1\n0\n0')
    seen.urandom.add(urandom)
    seen.uuid.add(uuid)
    seen.key.add(key)
    seen.boot.add(boot)
  }
  const { urandom, uuid, key, boot } = seen
  expect([urandom.size, uuid.size, key.size]).toEqual([CLONES, CLONES, CLONES])
  // They do come from one boot.
  expect(boot.size).toBe(1)
})

test('a standby is left out where memory is short', async () => {
  let started = 0
  let free = 0
  const start = (signal: AbortSignal): Promise<Guest> => {
    started++
    return bootGuest({ signal })
  }
  await using guests = await FreshGuests.open({ start, standby: true, memoryMib: 512, availableMib: () => free })
  await guests.take(true)
  expect(started).toBe(1)
  const first = guests.current
  guests.giveBack()
  free = 512 + 512
  await guests.take(true)
  expect(guests.current).not.toBe(first)
  expect(started).toBe(3)
})

test.for([FILES.memory, FILES.disk])('a flipped byte in %s: built anew, not served', async (name) => {
  await using cache = await cacheWithTemplate()
  await using file = await open(join(cache.copy, name), 'r+')
  await file.write(Buffer.from('x'), 0, 1, 8192 * 3 + 5)
  await file.close()
  expect(await startUntilBuild(cache.path)).toContainEqual(
    expect.stringMatching(`^rebuilding the template debian-12, 512 MiB, guest: the content of ${name} has changed$`),
  )
})

test('a state that QEMU cannot take up, though it is as it was written: built anew, once', async () => {
  await using cache = await cacheWithTemplate()
  const { formatVersion: _, digests: __, ...facts } = await readManifest(cache.copy)
  const state = await readFile(join(cache.copy, FILES.state))
  await writeFile(join(cache.copy, FILES.state), state.subarray(0, state.length / 2))
  await seal(cache.copy, facts)
  const said = await startUntilBuild(cache.path)
  expect(said.join('\n')).toContain('A template could not be restored and is being rebuilt')
  expect(said.at(-1)).toBe('seen enough')
  await expect(stat(cache.copy)).rejects.toThrow('ENOENT')
})

test('deleted while it is used: the clone goes on, the next one is built', async () => {
  await using cache = await cacheWithTemplate()
  const saved = process.env['VITEST_GUEST_CACHE']
  process.env['VITEST_GUEST_CACHE'] = cache.path
  try {
    await using guest = await bootGuest()
    await rm(cache.copy, { recursive: true })
    // Read through, so that pages nobody has touched yet come from the files that have no name any more.
    await guest.$`sh -c ${'cat /usr/sbin/* > /dev/null; find /usr/share > /dev/null'}`
    expect((await guest.$`echo alive`).stdout).toBe('alive')
  } finally {
    if (saved === undefined) delete process.env['VITEST_GUEST_CACHE']
    else process.env['VITEST_GUEST_CACHE'] = saved
  }
  expect(await startUntilBuild(cache.path)).toContain('seen enough')
})

test('the disk is full when the guest is frozen: a clear error, and nothing of the template', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vg-full-'))
  const owner = `uid=${process.getuid?.()},gid=${process.getgid?.()},mode=0700`
  await asRoot(['mount', '-t', 'tmpfs', '-o', `size=700m,${owner}`, 'tmpfs', folder])
  try {
    const images = await ownCache()
    await cp(join(images.path, 'images'), join(folder, 'images'), { verbatimSymlinks: true })
    await images[Symbol.asyncDispose]()
    // Enough when it is looked at, and taken by somebody else while the guest boots.
    const outcome = attemptBoot({ options: { start: 'warm' }, env: { VITEST_GUEST_CACHE: folder } })
    while ((await readdir(folder).catch(() => [])).length < 2) await new Promise((resolve) => setTimeout(resolve, 20))
    await new Promise((resolve) => setTimeout(resolve, 3000))
    await execa('sh', ['-c', `dd if=/dev/zero of=${folder}/others bs=1M 2>/dev/null || true`])
    const { name, message, left } = await outcome
    expect({ name, message }).toEqual({
      name: 'HostError',
      message: expect.stringContaining('The file system became full while the template') as string,
    })
    expect(message).toContain('VITEST_GUEST_CACHE')
    expect(left).toEqual([])
    const { stdout } = await execa('find', [join(folder, 'templates'), '-type', 'f', '-size', '+0'])
    expect(stdout.split('\n').filter((path) => !path.endsWith('.lock') && path !== '')).toEqual([])
  } finally {
    await asRoot(['umount', folder])
    await rm(folder, { recursive: true })
  }
})

test('too little space for a template is said before anything is booted', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vg-small-'))
  const owner = `uid=${process.getuid?.()},gid=${process.getgid?.()},mode=0700`
  await asRoot(['mount', '-t', 'tmpfs', '-o', `size=64m,${owner}`, 'tmpfs', folder])
  try {
    await using images = await ownCache()
    await cp(join(images.path, 'images'), join(folder, 'images'), { verbatimSymlinks: true })
    const { message, elapsedMs } = await attemptBoot({
      options: { start: 'warm' },
      env: { VITEST_GUEST_CACHE: folder },
    })
    expect(message).toMatch(/^Not enough space for the template debian-12, 512 MiB, guest: \d+ MiB are free/)
    expect(message).toContain("start: 'cold'")
    expect(elapsedMs).toBeLessThan(LIMITS.soon)
  } finally {
    await asRoot(['umount', folder])
    await rm(folder, { recursive: true })
  }
})

test('a guest that cannot be frozen boots, says so once, and is not tried again', async () => {
  const cache = await mkdtemp(join(tmpdir(), 'vg-cache-'))
  try {
    // Its Python is what the resume agent would run on.
    await makeImageWithoutSystemd(cache, 'rm /usr/bin/python3')
    // Given up when the boot has begun that comes instead of the clone.
    const first = await startUntilBuild(cache, {}, 'ssh banner')
    expect(first).toContainEqual(expect.stringContaining('template debian-12, 512 MiB, guest: freeze'))
    expect(first).toContainEqual(
      expect.stringMatching(/^The guest cannot be frozen: it needs python3 .*boots every time/),
    )
    expect(first.at(-1)).toBe('seen enough')
    const notes = (await readdir(join(cache, 'templates'))).filter((name) => !name.endsWith('.lock'))
    expect(notes).toEqual([expect.stringMatching(/^[0-9a-f]{32}\.cold$/)])
    const second = await startUntilBuild(cache, {}, 'ssh banner')
    expect(second).toEqual(['seen enough'])
  } finally {
    await rm(cache, { recursive: true })
  }
})

test('a guest without systemd is cloned too', async () => {
  const cache = await mkdtemp(join(tmpdir(), 'vg-cache-'))
  try {
    await makeImageWithoutSystemd(cache)
    process.env['VITEST_GUEST_CACHE'] = cache
    await using guest = await bootGuest()
    expect(guest.started).toBe('warm')
    const before = Date.now()
    const [init, clock] = (await guest.exec('cat /proc/1/comm; date +%s%3N')).stdout.split('\n')
    expect(init).toBe('sshd')
    expect(Math.abs(Number(clock) - before)).toBeLessThan(2000)
  } finally {
    delete process.env['VITEST_GUEST_CACHE']
    await rm(cache, { recursive: true })
  }
})
