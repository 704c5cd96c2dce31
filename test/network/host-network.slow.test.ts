import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { hostRecords } from '../support/host-records.ts'
import { qemuUser } from '../../src/host/rights/qemu-user.ts'
import { leftoversAfter, ownInterfaces, ownTemporaryFolder } from '../support/leftovers.ts'
import {
  type NetworkNamespace,
  networkNamespace,
  type Opened,
  openElsewhere,
  type Owner,
} from '../support/network-namespace.ts'
import { type OrdinaryUser, ordinaryUser } from '../support/ordinary-user.ts'
import { asRoot } from '../support/sudo.ts'
import { toolPath } from '../support/tool-path.ts'

interface Link {
  ifname: string
  flags: string[]
  master?: string
  ifalias?: string
  linkinfo?: { info_kind: string; info_data?: { user?: string | number } }
}

interface Addresses {
  ifname: string
  addr_info: { local: string; prefixlen: number; broadcast?: string }[]
}

let before: string[]
let folder: Awaited<ReturnType<typeof ownTemporaryFolder>>
beforeAll(async () => {
  before = await ownInterfaces()
  folder = await ownTemporaryFolder()
})
afterAll(async () => {
  expect(await leftoversAfter(folder.path)).toEqual([])
  await folder[Symbol.asyncDispose]()
  expect(await ownInterfaces()).toEqual(before)
})

/** A namespace for one test, which checks what is left in it at the end. */
async function place(options?: Parameters<typeof networkNamespace>[0]): Promise<NetworkNamespace> {
  const namespace = await networkNamespace(options)
  onTestFinished(() => namespace[Symbol.asyncDispose]())
  return namespace
}

/** An owner of a `host` network in a namespace, ended with the test at the latest. */
async function open({ inside }: NetworkNamespace, options: object = {}, env: NodeJS.ProcessEnv = {}): Promise<Owner> {
  const owner = await openElsewhere({ kind: 'host', ...options }, inside, { TMPDIR: folder.path, ...env })
  onTestFinished(() => owner[Symbol.asyncDispose]())
  return owner
}

function linkOf(links: Link[], name: string | undefined): Link | undefined {
  return links.find(({ ifname }) => ifname === name)
}

/** Records of this namespace's networks. */
function recordsOf(owner: Opened): string[] {
  return hostRecords()
    .filter(({ text }) => text.includes(`"owner":${owner.pid}`))
    .map(({ path }) => path)
}

test("bridge, address, broadcast and a TAP of QEMU's user are up; closing removes all of it", async () => {
  const namespace = await place()
  const owner = await open(namespace)
  const { opened } = owner
  expect(opened).toMatchObject({ kind: 'host', subnet: '192.168.100.0/24', gateway: '192.168.100.50' })
  const links = await namespace.show<Link>('-details', 'link', 'show')
  expect(opened.bridge?.length).toBeLessThanOrEqual(15)
  expect(opened.tap?.length).toBeLessThanOrEqual(15)
  expect(linkOf(links, opened.bridge)).toMatchObject({
    flags: expect.arrayContaining(['UP']) as string[],
    linkinfo: { info_kind: 'bridge' },
  })
  expect(linkOf(links, opened.tap)).toMatchObject({
    flags: expect.arrayContaining(['UP']) as string[],
    master: opened.bridge,
    linkinfo: { info_kind: 'tun', info_data: { user: qemuUser()?.uid ?? 'root' } },
  })
  const addresses = await namespace.show<Addresses>('-4', 'address', 'show', 'dev', opened.bridge as string)
  expect(addresses[0]?.addr_info).toEqual([
    expect.objectContaining({ local: '192.168.100.50', prefixlen: 24, broadcast: '192.168.100.255' }),
  ])
  expect(recordsOf(opened)).toHaveLength(1)
  // It dials servers on the host, and forwards what a guest could call.
  const said = await owner.evaluate(`
    const { text } = await import('node:stream/consumers')
    await using exposed = await network.expose(8080, (_request, response) => response.end('exposed'))
    const socket = await network.dial(exposed.address, 8080)
    socket.end('GET / HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n')
    return [(await text(socket)).includes('exposed'), await network.dial(network.gateway, 1).catch((error) => error.message)]`)
  expect(said).toEqual([true, expect.stringMatching(/^Nothing answers at 192\.168\.100\.50:1: .*ECONNREFUSED/)])
  await owner[Symbol.asyncDispose]()
  expect(await namespace.interfaces()).toEqual([])
  expect(recordsOf(opened)).toEqual([])
})

test('three simultaneous networks have different names and subnets', async () => {
  const namespace = await place()
  const owners = await Promise.all([open(namespace), open(namespace), open(namespace)])
  const opened = owners.map((owner) => owner.opened)
  expect(opened.map(({ subnet }) => subnet).sort()).toEqual([
    '192.168.100.0/24',
    '192.168.101.0/24',
    '192.168.102.0/24',
  ])
  expect(new Set(opened.map(({ bridge }) => bridge)).size).toBe(3)
  expect((await namespace.interfaces()).sort()).toEqual(opened.flatMap(({ bridge, tap }) => [bridge, tap]).sort())
})

test("a chosen subnet that overlaps the host's is an error; by default another one is used", async () => {
  const namespace = await place()
  await namespace.ip(
    'link add name lan type bridge',
    'address add 192.168.100.1/22 dev lan',
    'link set dev lan up',
    'route add 10.9.0.0/16 via 192.168.100.2',
    'address add fd00:100::1/64 dev lan nodad',
    'route add fd00:200::/48 via fd00:100::2',
  )
  const moved = await open(namespace)
  expect(moved.opened).toMatchObject({ subnet: '192.168.104.0/24', gateway: '192.168.104.1' })
  const chosen = await moved.another({ kind: 'host', subnet: '192.168.100.0/24' })
  expect(chosen.error).toMatchObject({
    name: 'NetworkError',
    message: expect.stringMatching(
      /^The subnet 192\.168\.100\.0\/24 overlaps the route 192\.168\.100\.0\/22 dev lan\n/,
    ) as string,
    hint: expect.stringContaining('Use another one') as string,
  })
  const routed = await moved.another({ kind: 'host', subnet: '10.9.8.0/24' })
  expect(routed.error?.message).toMatch(/^The subnet 10\.9\.8\.0\/24 overlaps the route 10\.9\.0\.0\/16 dev lan\n/)
  const six = await moved.another({ kind: 'host', subnet6: 'fd00:100::/80' })
  expect(six.error).toMatchObject({
    name: 'NetworkError',
    message: expect.stringMatching(/^The subnet fd00:100::\/80 overlaps the route fd00:100::\/64 dev lan\n/) as string,
    hint: expect.stringContaining("subnet6: 'fd12:3456:789a::/64'") as string,
  })
  const routed6 = await moved.another({ kind: 'host', subnet6: 'fd00:200:0:7::/64' })
  expect(routed6.error?.message).toMatch(/^The subnet fd00:200:0:7::\/64 overlaps the route fd00:200::\/48 dev lan\n/)
  const free6 = await moved.another({ kind: 'host', subnet6: 'fd00:300::/64' })
  expect(free6.error).toBeUndefined()
  expect(await namespace.interfaces()).toHaveLength(3)
})

test('an existing bridge is adopted on request, and returned as it was', async () => {
  const namespace = await place()
  const addresses = async () =>
    (await namespace.show<Addresses>('-4', 'address', 'show', 'dev', 'br0')).flatMap(({ addr_info }) =>
      addr_info.map(({ local, prefixlen, broadcast }) => `${local}/${prefixlen} ${broadcast}`),
    )
  await namespace.ip(
    'link add name br0 type bridge',
    'link add name veth0 master br0 type veth peer name veth1',
    'address add 192.168.100.1/24 broadcast 192.168.100.255 dev br0',
    'address add 10.8.0.1/16 broadcast 10.8.255.255 dev br0',
  )
  const old = await addresses()
  const owner = await open(namespace, { subnet: '10.99.0.0/24' })
  const refused = await owner.another({ kind: 'host', bridge: { name: 'br0' } })
  expect(refused.error).toMatchObject({
    name: 'NetworkError',
    message: expect.stringMatching(
      /^A bridge br0 already exists, with an old address: 192\.168\.100\.1\/24, 10\.8\.0\.1\/16\n/,
    ) as string,
    hint: expect.stringContaining("bridge: { name: 'br0', adopt: true }") as string,
  })
  const adopted = await open(namespace, { bridge: { name: 'br0', adopt: true } })
  expect(adopted.opened).toMatchObject({ bridge: 'br0', subnet: '192.168.100.0/24', gateway: '192.168.100.50' })
  expect(await addresses()).toEqual(['192.168.100.50/24 192.168.100.255'])
  const other = await owner.another({ kind: 'host', bridge: { name: 'br0', adopt: true } })
  expect(other.error?.message).toContain(
    `The bridge br0 belongs to another network, opened by process ${adopted.opened.pid}`,
  )
  await adopted[Symbol.asyncDispose]()
  expect(await addresses()).toEqual(old)
  const links = await namespace.show<Link>('link', 'show')
  expect(linkOf(links, 'br0')?.flags).not.toContain('UP')
  expect(linkOf(links, 'veth0')?.master).toBe('br0')
  const again = await open(namespace, { bridge: { name: 'br0', adopt: true } })
  await again.kill('SIGKILL')
  await expect.poll(addresses).toEqual(old)
  // With IPv6 its addresses of both kinds are replaced; otherwise they are left alone.
  const addresses6 = async () =>
    (await namespace.show<Addresses>('-6', 'address', 'show', 'dev', 'br0', 'scope', 'global')).flatMap(
      ({ addr_info }) => addr_info.map(({ local, prefixlen }) => `${local}/${prefixlen}`),
    )
  await namespace.ip('link set dev br0 up', 'address add fd00:9::1/64 dev br0 nodad')
  const six = await open(namespace, { bridge: { name: 'br0', adopt: true }, subnet6: 'fd00:9::/64' })
  expect(await addresses6()).toEqual(['fd00:9::c0a8:6432/64'])
  await six[Symbol.asyncDispose]()
  expect([await addresses(), await addresses6()]).toEqual([old, ['fd00:9::1/64']])
  await namespace.ip('address flush dev br0')
  const bare = await owner.another({ kind: 'host', bridge: { name: 'br0' } })
  expect(bare.error?.message).toMatch(/^A bridge br0 already exists\n/)
  const noBridge = await owner.another({ kind: 'host', bridge: { name: 'veth1', adopt: true } })
  expect(noBridge.error?.message).toMatch(/^An interface veth1 already exists and is not a bridge\n/)
  const named = await owner.another({ kind: 'host', bridge: { name: 'fifteen-letters', adopt: true } })
  expect(named.bridge).toBe('fifteen-letters')
  const long = await owner.another({ kind: 'host', bridge: { name: 'sixteen-letters-' } })
  expect(long.error).toMatchObject({ name: 'GuestError', option: 'bridge.name' })
  expect(long.error?.message).toMatch(/`bridge\.name` must be at most 15 characters.*got 'sixteen-letters-'/)
  await owner[Symbol.asyncDispose]()
  expect((await namespace.interfaces()).sort()).toEqual(['br0', 'veth0', 'veth1'])
})

/** Kills the keeper of a network and then its owner, which leaves all of it. Returns the record's path. */
async function killBoth(owner: Owner): Promise<string> {
  const record = recordsOf(owner.opened)[0] as string
  const { holder } = JSON.parse(readFileSync(record, 'utf8')) as { holder: { pid: number } }
  process.kill(holder.pid, 'SIGKILL')
  await owner.kill('SIGKILL')
  // Its state folder may be left too.
  await asRoot(['rm', '-rf', owner.opened.stateFolder as string])
  return record
}

test('the next network removes what a killed owner and keeper left; live networks stay', async () => {
  const namespace = await place()
  const alive = await open(namespace)
  const dead = await open(namespace)
  const lost = [dead.opened.bridge, dead.opened.tap].sort()
  const record = await killBoth(dead)
  expect(await namespace.interfaces()).toEqual(expect.arrayContaining(lost))
  // A process with the id of a dead one is another one.
  const text = readFileSync(record, 'utf8')
  writeFileSync(record, text.replace(/"pid":\d+,"startTime"/, `"pid":${process.pid},"startTime"`))
  const next = await open(namespace)
  expect((await namespace.interfaces()).sort()).toEqual(
    [alive.opened, next.opened].flatMap(({ bridge, tap }) => [bridge, tap]).sort(),
  )
  expect(existsSync(record)).toBe(false)
  expect(next.opened.subnet).toBe(dead.opened.subnet)
})

test('so does the next one of another kind, there or where that namespace is gone', async () => {
  const namespace = await place()
  const alive = await open(namespace)
  const record = await killBoth(await open(namespace))
  const other = await networkNamespace()
  const lost = await killBoth(await open(other))
  const none = await open(namespace, { kind: 'private' })
  expect(none.opened.kind).toBe('private')
  expect((await namespace.interfaces()).sort()).toEqual([alive.opened.bridge, alive.opened.tap].sort())
  expect([record, lost].map((path) => existsSync(path))).toEqual([false, true])
  await other[Symbol.asyncDispose]()
  // An ordinary user sees all their processes from here; a user network creates no interface here.
  await using user = await openElsewhere({ kind: 'user' }, ([file = '', ...args]) => [file, ...args], {
    TMPDIR: folder.path,
  })
  expect(user.opened.kind).toBe('user')
  expect(existsSync(lost)).toBe(false)
  expect(recordsOf(alive.opened)).toHaveLength(1)
})

test('closing a network after its keeper was killed takes it down too', async () => {
  const namespace = await place()
  const [owner, elsewhere] = await Promise.all([open(namespace), open(await place())])
  // Networks of another namespace are left alone.
  expect(elsewhere.opened.subnet).toBe(owner.opened.subnet)
  const { holder } = JSON.parse(readFileSync(recordsOf(owner.opened)[0] as string, 'utf8')) as {
    holder: { pid: number }
  }
  process.kill(holder.pid, 'SIGKILL')
  await owner[Symbol.asyncDispose]()
  expect(await namespace.interfaces()).toEqual([])
  expect(recordsOf(owner.opened)).toEqual([])
  expect(existsSync(owner.opened.stateFolder as string)).toBe(false)
})

test('auto uses it where a private one is impossible, and says why', async () => {
  const namespace = await place()
  await using tools = await toolPath({ without: ['unshare'] })
  const owner = await open(namespace, { kind: 'auto' }, { PATH: tools.path })
  expect(owner.opened).toMatchObject({ kind: 'host', reason: 'not private: unshare: not found on PATH' })
  expect(await namespace.interfaces()).toHaveLength(2)
  // While its tools exist.
  await owner[Symbol.asyncDispose]()
  expect(await namespace.interfaces()).toEqual([])
})

test('without /dev/net/tun it is refused, and auto uses a user network', async () => {
  const namespace = await place()
  const hidden = (command: readonly string[]) =>
    namespace.inside(['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /dev/net; exec "$@"', 'sh', ...command])
  await using owner = await openElsewhere({ kind: 'auto' }, hidden, { TMPDIR: folder.path })
  const missing = '/dev/net/tun is missing: no TAP can be created'
  expect(owner.opened).toMatchObject({ kind: 'user', reason: `not private: ${missing}; not host: ${missing}` })
  expect(owner.opened.bridge).toBeUndefined()
  const refused = await owner.another({ kind: 'host' })
  expect(refused.error).toMatchObject({ name: 'HostError', message: expect.stringContaining(missing) as string })
  expect(await namespace.interfaces()).toEqual([])
})

test('an ordinary user needs only sudo -n, and owns the TAP', async () => {
  const namespace = await place({ ofTheHost: true })
  const somebody: OrdinaryUser = await ordinaryUser()
  onTestFinished(() => somebody[Symbol.asyncDispose]())
  const theirs = (command: readonly string[]) => namespace.inside(somebody.as(command))
  const env = { TMPDIR: somebody.home }
  const drop = (command: readonly string[]) => theirs(['setpriv', '--no-new-privs', '--', ...command])
  {
    await using refused = await openElsewhere({ kind: 'host' }, drop, env)
    expect(refused.opened.error).toMatchObject({
      name: 'HostError',
      message: expect.stringMatching(/^This user cannot create interfaces on the host: sudo: /) as string,
      hint: expect.stringContaining('NOPASSWD') as string,
    })
  }
  await somebody.allowIp()
  const uid = (await asRoot(['stat', '-c', '%u', somebody.home])).trim()
  const name = (await asRoot(['id', '-nu', uid])).trim()
  const owner = await openElsewhere({ kind: 'host' }, theirs, env)
  expect(owner.opened).toMatchObject({ kind: 'host' })
  const links = await namespace.show<Link>('-details', 'link', 'show')
  expect(linkOf(links, owner.opened.tap)?.linkinfo?.info_data?.user).toBe(name)
  await owner[Symbol.asyncDispose]()
  expect(await namespace.interfaces()).toEqual([])
  const killed = await openElsewhere({ kind: 'host' }, theirs, env)
  await killed.kill('SIGKILL')
  await expect.poll(() => namespace.interfaces()).toEqual([])
})
