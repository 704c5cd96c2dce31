import { appendFile, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, afterEach, beforeAll, expect, onTestFinished, test } from 'vitest'
import { FreshGuests } from '../../fixtures/leases/fresh-guests.ts'
import { bootGuest, layer, type Guest, type Layer, type LayerOptions } from '../../src/index.ts'
import { needsUserNamespace } from '../../src/host/rights/namespaces.ts'
import { collectGarbage, type Verdict } from '../../src/template/collect-garbage.ts'
import { listTemplates } from '../../src/template/list-templates.ts'
import { FILES } from '../../src/template/store.ts'
import { leftovers, ownTemporaryFolder } from '../support/leftovers.ts'
import { layerCache } from '../support/layer-cache.ts'
import { runCli } from '../unit/support/node.ts'

const EGRESS = fileURLToPath(new URL('programs/layer-egress.ts', import.meta.url))

let cache: Awaited<ReturnType<typeof layerCache>>
let temporary: Awaited<ReturnType<typeof ownTemporaryFolder>>

beforeAll(async () => {
  cache = await layerCache()
  temporary = await ownTemporaryFolder()
  process.env['TMPDIR'] = temporary.path
})
afterEach(() => expect(leftovers(temporary.path)).toEqual([]))
afterAll(async () => {
  delete process.env['TMPDIR']
  await temporary[Symbol.asyncDispose]()
  await cache[Symbol.asyncDispose]()
})

const ran: string[] = []

/** Its text is the same for all, so their names go by their version. */
function step(name: string, from: LayerOptions['from'], more: Partial<LayerOptions> = {}): Layer {
  return layer({ from, name, version: name, ...more }, async (guest) => {
    ran.push(name)
    await guest.exec(`echo ${name} >>/root/steps; echo ${name} >>/run/steps`)
  })
}

const STEPS = 'tr "\\n" " " </root/steps; tr "\\n" " " </run/steps'

test('a change prepares that layer and those on top again, nothing below; a chain costs what was written', async () => {
  const bottom = step('bottom', 'debian-12')
  const middle = step('middle', bottom)
  const top = step('top', middle)
  await using guest = await bootGuest({ image: top })
  expect((await guest.exec(STEPS)).stdout).toBe('bottom middle top bottom middle top ')
  expect(ran).toEqual(['bottom', 'middle', 'top'])

  const other = step('top', step('middle', bottom, { version: 2 }))
  await using changed = await bootGuest({ image: other })
  expect((await changed.exec(STEPS)).stdout).toBe('bottom middle top bottom middle top ')
  expect(ran).toEqual(['bottom', 'middle', 'top', 'middle', 'top'])

  const layers = (await listTemplates()).filter(({ parent }) => parent !== undefined)
  const disks = await Promise.all(layers.map(async ({ folder }) => (await stat(join(folder, FILES.disk))).size))
  // The image has a thousand MiB and more; what a machine writes while it is prepared, its journal for one, is a few.
  for (const size of disks) expect(size).toBeLessThan(32 * 1024 ** 2)
})

test('another machine boots from the disk of the layer, and so does start: cold', async () => {
  const app = step('machine', 'debian-12')
  ran.length = 0
  for (const options of [{ start: 'cold' }, { memory: '640M' }] as const) {
    await using guest = await bootGuest({ image: app, ...options })
    expect((await guest.exec('cat /root/steps; ls /run/steps', { reject: false })).stdout).toBe('machine')
  }
  // A layer with more memory than the one below it has not that one prepared again.
  const larger = step('larger', app, { memory: '640M' })
  await using guest = await bootGuest({ image: larger })
  expect((await guest.exec(STEPS)).stdout).toBe('machine larger larger ')
  expect(ran).toEqual(['machine', 'larger'])
})

test('fresh guests, snapshots and reboots are as ever', async () => {
  const app = step('fresh', 'debian-12')
  const start = () => bootGuest({ image: app })
  await using guests = await FreshGuests.open({ start, standby: false, memoryMib: 512 })
  for (let count = 0; count < 2; count++) {
    await guests.take(true)
    const guest = guests.current
    await guest.exec('test ! -e /root/ruined && touch /root/ruined')
    const snapshot = await guest.snapshot()
    await guest.exec('rm /root/steps')
    await guest.restore(snapshot)
    expect((await guest.exec(STEPS)).stdout).toBe('fresh fresh ')
    guests.giveBack()
  }
  await using guest = await bootGuest({ image: app, hostname: 'other' })
  await guest.reboot()
  expect((await guest.exec('hostname; cat /root/steps')).stdout).toBe('other\nfresh')
})

test('what a function leaves running or open of ours is not in the clones', async () => {
  const app = layer({ from: 'debian-12', name: 'untidy' }, async (guest) => {
    await guest.reboot()
    await guest.spawn('tail -f /dev/null')
    await guest.connectSsh()
    await guest.writeFile('/root/file', 'x')
    await guest.exec('(sleep 1000 >/dev/null 2>&1 </dev/null &)')
    void guest.exec('cat').catch(() => {})
  })
  await using plain = await bootGuest()
  await using prepared = await bootGuest({ image: app })
  const programs = async (guest: Guest) =>
    (await guest.exec("ps -eo args= | grep -v '^\\[' | sort -u | grep -Ev 'ps -eo|sort -u|grep'")).stdout.split('\n')
  const known = await programs(plain)
  expect((await programs(prepared)).filter((each) => !known.includes(each))).toEqual(['sleep 1000'])
  const open =
    'ls -l /proc/[0-9]*/fd 2>/dev/null | grep -c vitest-guest || true; find /tmp -type f; ls -A /root | grep -v "^\\.[bp]"'
  expect((await prepared.exec(open)).stdout).toBe('0\n.ssh\nfile')
})

const BAD: Record<string, { prepare: (guest: Guest) => unknown; error: RegExp; timeout?: number }> = {
  throws: {
    prepare: () => Promise.reject(new Error('no such luck')),
    error: /^Preparing the layer bad failed: no such luck/,
  },
  'runs a command that fails': {
    prepare: (guest) => guest.exec('echo why >&2; exit 3'),
    error: /^Preparing the layer bad failed: [^]*exit code 3[^]*why/,
  },
  hangs: {
    prepare: (guest) => guest.exec('sleep 10000', { timeout: 0 }),
    timeout: 300,
    error: /^The layer bad was not prepared after \d+ s; it is waiting for `sleep 10000`/,
  },
  'powers the guest off': { prepare: (guest) => guest.powerOff(), error: /^The guest of the layer bad is powered off/ },
  'lets it panic': {
    prepare: (guest) =>
      guest.exec('sysctl -w kernel.panic=0 && echo c >/proc/sysrq-trigger', { reject: false }).catch(() => {}),
    error: /layer bad[^]*panic/,
  },
  'fills the disk': {
    // Reserved, as writing all of it takes minutes.
    prepare: (guest) =>
      guest.exec(
        "fallocate -l $(stat -fc '%a * %S' / | xargs expr) /root/full; dd if=/dev/zero of=/root/rest bs=1M 2>&1",
      ),
    error: /^Preparing the layer bad failed: [^]*No space left on device/,
  },
  'takes a snapshot': {
    prepare: (guest) => guest.snapshot(),
    error: /guest\.snapshot\(\) is not available while a layer/,
  },
}

test.for(Object.entries(BAD))('a layer that %s is an error, and not kept', async ([, { prepare, error, timeout }]) => {
  const before = await readdir(cache.templates)
  const bad = layer({ from: 'debian-12', name: 'bad', version: error.source, ...(timeout && { timeout }) }, (guest) =>
    prepare(guest),
  )
  await expect(bootGuest({ image: bad })).rejects.toMatchObject({
    name: 'BootError',
    message: expect.stringMatching(error) as string,
  })
  const locks = (await readdir(cache.templates)).filter((name) => !before.includes(name))
  expect(locks.filter((name) => !name.endsWith('.lock'))).toEqual([])
  await using guest = await bootGuest()
  expect((await guest.exec('echo up')).stdout).toBe('up')
})

test('a parent is not removed before its children; nor is what is in use', async () => {
  const parent = step('parent', 'debian-12')
  const child = step('child', parent)
  await using guest = await bootGuest({ image: child })
  const templates = await listTemplates()
  const of = (name: string) => templates.find(({ label }) => label.startsWith(`${name} on`))
  const [above, below] = [of('child'), of('parent')]
  expect(above?.parent).toBe(below?.key)

  const ls = await runCli(['template', 'ls'])
  expect(ls.stdout).toContain(`child on parent, 512 MiB, guest (on template ${below?.key.slice(0, 12)})`)
  const refused = await runCli(['template', 'rm', below?.key ?? ''])
  expect(refused.stderr).toContain(`These templates are based on template ${below?.key}: ${above?.key}`)
  const inAYear = { days: 30, now: Date.now() + 365 * 86_400_000, dryRun: true }
  const verdicts: Verdict[] = []
  for await (const verdict of collectGarbage(inAYear)) verdicts.push(verdict)
  expect(verdicts.find(({ what }) => what === `template ${below?.key}`)?.kept).toBe(`needed by template ${above?.key}`)
  expect(verdicts.find(({ what }) => what === `template ${above?.key}`)?.kept).toMatch(/^in use by process/)
  expect((await guest.exec(STEPS)).stdout).toBe('parent child parent child ')
})

test('a broken parent is rebuilt with those on top of it', async () => {
  const parent = step('brittle', 'debian-12')
  const child = step('upper', parent)
  await using _ = await bootGuest({ image: child })
  const below = (await listTemplates()).find(({ label }) => label.startsWith('brittle on'))
  await appendFile(join(below?.folder ?? '', FILES.disk), 'x')
  ran.length = 0
  await using guest = await bootGuest({ image: child })
  expect((await guest.exec(STEPS)).stdout).toBe('brittle upper brittle upper ')
  expect(ran).toEqual(['brittle', 'upper'])
})

test('another content of an input prepares it again; one that changes while it is used, or is not there, is an error', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'vg-inputs-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const file = join(folder, 'app.deb')
  const below = step('below', 'debian-12')
  const app = layer({ from: below, inputs: [folder] }, (guest) => guest.upload(file, '/root/app'))
  ran.length = 0
  for (const content of ['one', 'two']) {
    await writeFile(file, content)
    await using guest = await bootGuest({ image: app })
    expect((await guest.exec('cat /root/app /run/steps')).stdout).toBe(`${content}below`)
  }
  expect(ran).toEqual(['below'])
  const changing = layer({ from: 'debian-12', name: 'changing', inputs: [`${folder}/*.deb`] }, () =>
    appendFile(file, 'more'),
  )
  await expect(bootGuest({ image: changing })).rejects.toThrow('The inputs of the layer changing changed while')
  await rm(file)
  await expect(bootGuest({ image: changing })).rejects.toThrow(`The input ${folder}/*.deb of a layer does not exist`)
})

test('several that want it at once have it prepared once', async () => {
  ran.length = 0
  const app = step('together', 'debian-12')
  const guests = await Promise.all([bootGuest({ image: app }), bootGuest({ image: app })])
  await Promise.all(guests.map((guest) => guest[Symbol.asyncDispose]()))
  expect(ran).toEqual(['together'])
})

test('egress is open while a layer is prepared, and shut in what is frozen', async () => {
  const user = needsUserNamespace() ? ['--user', '--map-root-user'] : []
  const args = [...user, '--net', '--mount', '--', process.execPath, EGRESS]
  const { stdout } = await execa('unshare', args, { env: { TMPDIR: temporary.path } })
  const told = JSON.parse(stdout.split('\n').at(-1) ?? '') as Record<'prepared' | 'clone' | 'plain', string[]>
  expect(told.prepared.slice(0, 3)).toEqual([
    'world',
    '192.0.2.7',
    expect.stringMatching(/^default via 192\.168\.100\.2 /),
  ])
  expect(told.clone[0]).toBe('none')
  // No route, no name server, and no file of ours is left.
  expect(told.clone).toEqual(told.plain)
})
