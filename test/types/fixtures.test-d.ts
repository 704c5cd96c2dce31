// Compiled by `npm run check`; each @ts-expect-error marks wrong use that must not compile.
import type { Client } from 'ssh2'
import { expectTypeOf } from 'vitest'
import {
  bootGuest,
  CommandError,
  expect,
  GuestError,
  layer,
  openNetwork,
  test,
  testWithGuests,
  type ExecResult,
  type FixtureOptions,
  type Guest,
  type GuestNetwork,
  type GuestOptions,
} from 'vitest-guest'
import { guests, type PluginOptions } from 'vitest-guest/plugin'

// Fixtures
test('have their types', async ({ guest, network, ssh, guestOptions }) => {
  expectTypeOf(guest).toEqualTypeOf<Guest>()
  expectTypeOf(network).toEqualTypeOf<GuestNetwork>()
  expectTypeOf(ssh).toEqualTypeOf<Client>()
  expectTypeOf(guestOptions).toEqualTypeOf<FixtureOptions>()
})
test.override({ guestOptions: { fresh: 'test', memory: '1G', consoleGuard: { allow: [/oops/] }, keep: 'on-failure' } })
// @ts-expect-error -- no such fixture
test('a misspelt fixture', ({ guset }) => void guset)
// @ts-expect-error -- one of two words
test.override({ guestOptions: { fresh: 'file' } })
// @ts-expect-error -- no such option
test.override({ guestOptions: { ram: '1G' } })
test.extend('seeded', async ({ guest }): Promise<string> => (await guest.$`hostname`).stdout)(
  'derived',
  ({ seeded, guest }) => {
    expectTypeOf(seeded).toEqualTypeOf<string>()
    expectTypeOf(guest).toEqualTypeOf<Guest>()
  },
)

// Options
expectTypeOf(guests).parameter(0).toEqualTypeOf<PluginOptions | undefined>()
expectTypeOf<PluginOptions>().toExtend<FixtureOptions>()
// @ts-expect-error -- a layer has to stand on something
layer({}, () => {})
expectTypeOf<GuestOptions['start']>().toEqualTypeOf<'warm' | 'cold' | undefined>()
// @ts-expect-error -- MiB are written with a unit
guests({ memory: 512 })
// @ts-expect-error -- an image is a name, a path, or a base with packages
void bootGuest({ image: { packages: ['nginx'] } })
// @ts-expect-error -- no such base
void bootGuest({ image: { base: 'debian-14' } })
void bootGuest({ image: { base: 'debian-13' } })
void bootGuest({ image: 'debian-11' })
void bootGuest({ image: { base: 'debian-12', packages: ['nginx'] } })
void bootGuest({ image: 'ubuntu-24.04' })
void bootGuest({ image: 'ubuntu-24.04-latest' })
void bootGuest({ image: '/disks/mine.qcow2' })
void bootGuest({ image: `${process.cwd()}/mine.qcow2` as `/${string}` })
void bootGuest({ image: { path: process.cwd() } })
// @ts-expect-error -- a misspelt name
void bootGuest({ image: 'ubunut-24.04' })
// @ts-expect-error -- a relative path
void bootGuest({ image: './mine.qcow2' })
// @ts-expect-error -- any string could be either: `{ path }` says that it is a path
void bootGuest({ image: process.cwd() })
// @ts-expect-error -- the fixtures' own option
void bootGuest({ fresh: 'test' })
void openNetwork({ subnet: '10.0.0.0/24' })

// Results
declare const guest: Guest
expectTypeOf(guest.exec('true')).resolves.toEqualTypeOf<ExecResult>()
expectTypeOf(guest.$`true`).resolves.toEqualTypeOf<ExecResult>()
expectTypeOf((await guest.exec('true')).stdout).toEqualTypeOf<string>()
expectTypeOf((await guest.exec('cat /bin/ls', { encoding: 'buffer' })).stdout).toEqualTypeOf<Buffer>()
expectTypeOf((await guest.exec('true')).exitCode).toEqualTypeOf<number | undefined>()
// @ts-expect-error -- what may be missing is no word of a command
void guest.$`cat ${undefined}`
declare const maybe: string | undefined
// @ts-expect-error -- nor is what may be undefined
void guest.$({ reject: false })`cat ${maybe}`
// @ts-expect-error -- nor an object
void guest.$`cat ${{ path: '/etc/motd' }}`
void guest.$`head -n ${1} ${['/etc/motd', '/etc/hosts']}`
// @ts-expect-error -- execa's name is cwd
void guest.exec('true', { workingDirectory: '/' })
// @ts-expect-error -- the state is told, not set
guest.state = 'off'
expectTypeOf(new CommandError('failed')).toExtend<GuestError>()
expectTypeOf(new GuestError('failed').hint).toEqualTypeOf<string | undefined>()
await using closed = guest
void closed

// Matchers
await expect(guest).toHaveUnit('ssh', { active: true, enabled: true })
await expect(guest).not.toListenOn(8080)
await expect(guest).toHaveFile('/etc/passwd', { mode: 0o644, owner: 'root', contains: 'root:' }, { timeout: 1000 })
expect(await guest.$`true`).toSucceed()
await expect(guest.exec('exit 3')).toExitWith(3)
await expect(guest.exec('true')).resolves.toSucceed()
await expect(guest.exec('exit 3', { reject: false })).resolves.not.toSucceed()
await expect(guest.exec('true')).resolves.toMatchObject({ stdout: '' })
expect('other things').toContain('things')
expectTypeOf(expect(guest).toHaveUnit('ssh')).toEqualTypeOf<Promise<void>>()
// @ts-expect-error -- only guests have units
void expect('a text').toHaveUnit('ssh')
// @ts-expect-error -- only results exit
void expect(guest).toSucceed()
// @ts-expect-error -- a unit is or is not active
void expect(guest).toHaveUnit('ssh', { active: 'yes' })
// @ts-expect-error -- no such thing to look at
void expect(guest).toHaveFile('/etc/passwd', { colour: 'red' })

// The test's own expect has the matchers too.
test('with the expect of its context', async ({ guest, expect: own }) => {
  await own(guest).toHaveUnit('ssh', { active: true })
  expectTypeOf(own(guest).toHaveUnit('ssh')).toEqualTypeOf<Promise<void>>()
  own(await guest.$`true`).toSucceed()
  own(1).toBe(1)
  await own(guest.exec('true')).resolves.toMatchObject({ stdout: '' })
  // @ts-expect-error -- only guests have units
  void own('a text').toHaveUnit('ssh')
})

// Several guests
testWithGuests({ web: {}, db: { memory: '1G' } }, { fresh: 'test' })('by their names', ({ guests, network }) => {
  expectTypeOf(guests).toEqualTypeOf<Readonly<Record<'web' | 'db', Guest>>>()
  expectTypeOf(network).toEqualTypeOf<GuestNetwork>()
  // @ts-expect-error -- nobody has that name
  void guests.cache
})
const team = testWithGuests(
  { web: {}, router: { networks: ['left', { network: 'right', address: false }] } },
  { networks: { left: {}, right: {} } },
)
team.beforeAll(async ({ guests, network, networks }) => {
  expectTypeOf(guests).toEqualTypeOf<Readonly<Record<'web' | 'router', Guest>>>()
  expectTypeOf(network).toEqualTypeOf<GuestNetwork>()
  expectTypeOf(networks).toEqualTypeOf<Readonly<Record<'left' | 'right', GuestNetwork>>>()
  await guests.web.exec('true')
})
// @ts-expect-error -- nobody has that name
team.beforeAll(({ guests }) => void guests.cache)
// @ts-expect-error -- a hook of the file has no task
team.beforeAll(({ task }) => void task)
team.beforeEach(({ guests, task }) => {
  expectTypeOf(guests).toEqualTypeOf<Readonly<Record<'web' | 'router', Guest>>>()
  void task
})
// @ts-expect-error -- there is no one guest
testWithGuests({ web: {} })('none of them is the one', ({ guest }) => void guest)
// @ts-expect-error -- its name is its key
testWithGuests({ web: { hostname: 'other' } })
