import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openNetwork, type Guest, type ImageWish } from '../../src/index.ts'
import { identity } from '../support/identity.ts'
import { ordinaryUser, type OrdinaryUser } from '../support/ordinary-user.ts'

/** Milliseconds, for an image and a template that are not there yet. */
const BUILD_BUDGET = 1_800_000
/** What a guest's clock may be off by, and what asking for it takes under emulation, in milliseconds. */
const CLOCK_TOLERANCE = 2000
const PROGRAM = fileURLToPath(new URL('./programs/build-image.ts', import.meta.url))

let somebody: OrdinaryUser

beforeAll(async () => {
  somebody = await ordinaryUser()
})
afterAll(() => somebody[Symbol.asyncDispose]())

/** Two clones of one template: each is itself, is well, and reaches the other; one of them also after a reboot. */
async function expectClonesOf(image: ImageWish, version: RegExp): Promise<void> {
  await using network = await openNetwork()
  const boot = (hostname: string) => network.boot({ hostname, image, cpus: 1, timeouts: { boot: 180_000 } })
  // One after the other: the first makes the template.
  const [one, other] = [await boot('one'), await boot('other')]
  expect([one.started, other.started]).toEqual(['warm', 'warm'])
  expect([one.address, other.address]).toEqual(['192.168.100.224', '192.168.100.225'])
  expect((await one.exec('cat /etc/debian_version')).stdout).toMatch(version)
  const expectAll = async () => {
    for (const guest of [one, other]) await expectToBeItself(guest)
    await one.exec('ping -c 1 -W 20 other')
    await other.exec('ping -c 1 -W 20 one')
  }
  await expectAll()
  await one.reboot()
  await expectAll()
}

async function expectToBeItself(guest: Guest): Promise<void> {
  const { hostname, address, macAddress } = guest
  const hostKey = guest.credentials.hostPublicKey
  expect(await identity(guest)).toMatchObject({
    hostname,
    file: hostname,
    self: hostname,
    address,
    macAddress,
    hostKey,
  })
  expect((await guest.exec('systemctl is-system-running --wait || systemctl --failed')).stdout).toBe('running')
  const before = Date.now()
  const clock = Number((await guest.exec('date +%s%3N')).stdout)
  expect(clock).toBeGreaterThan(before - CLOCK_TOLERANCE)
  expect(clock).toBeLessThan(Date.now() + CLOCK_TOLERANCE)
}

test('debian-11', { timeout: BUILD_BUDGET }, () => expectClonesOf({ base: 'debian-11' }, /^11\.\d+$/))

test(
  'debian-13, built without root; a package is added to what has been built',
  { timeout: BUILD_BUDGET },
  async () => {
    const cache = join(somebody.home, 'cache')
    const build = async (...packages: string[]) => {
      const [file, ...args] = somebody.as([process.execPath, PROGRAM, 'debian-13', ...packages])
      const env = { VITEST_GUEST_CACHE: cache, HOME: somebody.home, TMPDIR: somebody.home }
      return (await execa(file, args, { env })).stderr
    }
    expect(await build()).toMatch(/^debian-13: 2\/4 installing the base system/m)
    const said = await build('tree')
    expect(said).toMatch(/^debian-13 \+ tree: 1\/3 unpacking the base system/m)
    expect(said).toMatch(/^debian-13 \+ tree: built in/m)
    expect(said).not.toContain('installing the base system')
    const { VITEST_GUEST_CACHE: before } = process.env
    process.env['VITEST_GUEST_CACHE'] = cache
    try {
      await expectClonesOf({ base: 'debian-13', packages: ['tree'] }, /^13\.\d+$/)
    } finally {
      if (before === undefined) delete process.env['VITEST_GUEST_CACHE']
      else process.env['VITEST_GUEST_CACHE'] = before
    }
  },
)
