import { afterAll, beforeAll, describe, test } from 'vitest'
import { bootGuest, expect, GuestError, type Guest, type GuestMatchers } from '../../fixtures/index.ts'
import { LIMITS } from '../support/time-limits.ts'

/** For matchers that must fail: two attempts. */
const SHORT = { timeout: 600, interval: 300 }

interface Failure {
  message: string
  actual: unknown
  expected: unknown
}

let guest: Guest

beforeAll(async () => {
  guest = await bootGuest()
  await guest.exec(
    [
      'useradd --create-home --comment "Ann Onym" --groups sudo,adm --shell /bin/sh ann',
      'mkdir /srv/data && printf "one\\ntwo\\n" > "/srv/data/it is.txt" && chmod 640 "/srv/data/it is.txt"',
      'chown ann:adm "/srv/data/it is.txt" && ln -s /etc/hostname /srv/name && ln -s /nowhere /srv/broken',
      'mkdir "/mnt/a b" && mount -t tmpfs -o size=1m,nosuid none "/mnt/a b"',
      'systemd-run --quiet --unit=local python3 -m http.server --bind 127.0.0.1 8080',
    ].join(' && '),
  )
})
afterAll(() => guest[Symbol.asyncDispose]())

async function failureOf(assertion: Promise<unknown>): Promise<Failure> {
  const error: unknown = await assertion.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(Error)
  return error as Failure
}

describe('holds', () => {
  test('units, sockets, processes', async () => {
    await expect(guest).toHaveUnit('ssh', {
      active: true,
      enabled: true,
      failed: false,
      properties: { Type: /notify/ },
    })
    await expect(guest).toHaveUnit('ssh.service')
    await expect(guest).toListenOn(22)
    await expect(guest).toListenOn('tcp://127.0.0.1:8080')
    await expect(guest).toListenOn('unix:///run/dbus/system_bus_socket')
    await expect(guest).toHaveProcess('sshd')
    await expect(guest).toHaveProcess({ user: 'root', args: /http\.server .*8080/, count: 1 })
    await expect(guest).toHaveProcess({ name: 'systemd', pid: 1 })
  })

  test('files', async () => {
    const mine = { type: 'file', mode: 0o640, owner: 'ann', group: /^ad/, size: 8, contains: /^two$/m } as const
    await expect(guest).toHaveFile('/srv/data/it is.txt', mine)
    await expect(guest).toHaveFile('/srv/data/it is.txt', { mode: '0640', content: 'one\ntwo\n' })
    await expect(guest).toHaveFile('/srv/data', { type: 'directory', mode: '755', uid: 0, gid: 0 })
    await expect(guest).toHaveFile('/srv/name', { type: 'symlink', linksTo: '/etc/hostname' })
    await expect(guest).toHaveFile('/srv/name', { type: 'file', contains: 'guest' })
    await expect(guest).toHaveFile('/srv/broken', { type: 'symlink' })
    await expect(guest).not.toHaveFile('/srv/broken')
    await expect(guest).toHaveFile('/tmp', { mode: '1777' })
    await expect(guest).toHaveFile('/dev/null', {
      type: 'character',
      sha256: 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
    })
  })

  test('packages, accounts', async () => {
    await expect(guest).toHavePackage('openssh-server', { version: /^1:9\.2p1-/, architecture: 'amd64' })
    await expect(guest).toHavePackage('openssh-server', { version: expect.stringContaining('deb12') as string })
    await expect(guest).not.toHavePackage('nginx')
    await expect(guest).toHaveUser('ann', {
      group: 'ann',
      groups: ['sudo'],
      home: '/home/ann',
      shell: '/bin/sh',
      gecos: /Ann/,
    })
    await expect(guest).toHaveUser('root', { uid: 0, gid: 0 })
    await expect(guest).not.toHaveUser('bob')
    await expect(guest).toHaveGroup('adm', { gid: 4, members: ['ann'] })
    await expect(guest).not.toHaveGroup('adm', { members: ['root'] })
  })

  test('mounts, kernel, network', async () => {
    await expect(guest).toHaveMount('/', { source: '/dev/vda', type: 'ext4', options: ['rw'] })
    await expect(guest).toHaveMount('/mnt/a b', { type: 'tmpfs', options: ['nosuid', 'size=1024k'] })
    await expect(guest).not.toHaveMount('/srv')
    await expect(guest).toHaveSysctl('kernel.ostype', 'Linux')
    await expect(guest).toHaveSysctl('net.ipv4.ip_forward', 0)
    await expect(guest).not.toHaveSysctl('no.such.thing', 1)
    await expect(guest).toHaveInterface('lo', { up: true, addresses: ['127.0.0.1/8'], mtu: 65_536 })
    await expect(guest).not.toHaveInterface('eth7')
  })

  test('results of commands, and promises of them', async () => {
    expect(await guest.exec('true')).toSucceed()
    expect(await guest.exec('exit 3', { reject: false })).toExitWith(3)
    expect(await guest.exec('exit 3', { reject: false })).not.toSucceed()
    await expect(guest.exec('true')).toSucceed()
    await expect(guest.exec('exit 3')).toExitWith(3)
    await expect(guest.exec('exit 3', { reject: false })).not.toExitWith(0)
    await expect(guest.exec('true')).resolves.toSucceed()
    await expect(guest.exec('exit 3', { reject: false })).resolves.not.toSucceed()
  })
})

describe('retries', () => {
  test('until it matches', async () => {
    const holds = expect(guest).toHaveUnit('later', { active: true })
    await guest.exec('sleep 1; systemd-run --quiet --unit=later sleep 1000')
    await holds
  })

  test('with .not, until it no longer matches', async () => {
    await guest.exec('touch /run/passing')
    await guest.exec("systemd-run --quiet sh -c 'sleep 1; rm /run/passing'")
    await expect(guest).not.toHaveFile('/run/passing')
  })
})

describe('reports what the guest had', () => {
  test('only the expected properties, and the number of attempts', async () => {
    const unit = await failureOf(expect(guest).toHaveUnit('ssh', { active: false, enabled: true }, SHORT))
    expect(unit.message).toMatch(
      /^expected guest guest to have the unit ssh; it is active \(running\), enabled \(\d attempts? in \d+\.\d s\)$/,
    )
    expect(unit).toMatchObject({
      actual: { active: true, enabled: true },
      expected: { active: false, enabled: true },
    })
    const file = await failureOf(
      expect(guest).toHaveFile('/srv/data/it is.txt', { mode: 0o644, contains: 'three' }, SHORT),
    )
    expect(file.actual).toEqual({ mode: '640', content: 'one\ntwo\n' })
    expect(file.expected).toMatchObject({ mode: '644', content: expect.stringContaining('three') as string })
    const user = await failureOf(expect(guest).toHaveUser('ann', { groups: ['wheel'] }, SHORT))
    expect(user.actual).toEqual({ groups: ['ann', 'adm', 'sudo'] })
  })

  test('a thing that does not exist', async () => {
    const { message, expected } = await failureOf(expect(guest).toHavePackage('nginx', { version: '1' }, SHORT))
    expect(message).toMatch(/^expected guest guest to have the package nginx; there is none \(/)
    expect(expected).toBeUndefined()
  })

  test('where it listens instead', async () => {
    const { message, actual, expected } = await failureOf(expect(guest).toListenOn(8080, SHORT))
    expect(message).toMatch(
      /^expected guest guest to listen on port 8080; only the guest itself can reach that address/,
    )
    expect([actual, expected]).toEqual([['tcp://127.0.0.1:8080'], ['tcp://0.0.0.0:8080']])
  })

  test('processes that come close', async () => {
    const { message, actual } = await failureOf(expect(guest).toHaveProcess({ name: 'sshd', user: 'ann' }, SHORT))
    expect(message).toMatch(/^expected guest guest to have a matching process; there is none/)
    expect(actual).toContainEqual({ name: 'sshd', user: 'root' })
  })

  test('.not', async () => {
    const { message } = await failureOf(expect(guest).not.toHaveUnit('ssh', { active: true }, SHORT))
    expect(message).toMatch(/^expected guest guest not to have the unit ssh as \{"active": true\} \(/)
  })

  test("a command's output", async () => {
    const { message, actual, expected } = await failureOf(expect(guest.exec('echo oh no >&2; exit 3')).toSucceed())
    expect(message).toBe(
      'expected the command to end with exit code 0, but it ended with exit code 3: echo oh no >&2; exit 3\nstderr:\n  | oh no',
    )
    expect([actual, expected]).toEqual([{ exitCode: 3 }, { exitCode: 0 }])
    const killed = await guest.exec('kill -TERM $$', { reject: false })
    expect(() => expect(killed).toSucceed()).toThrow(/ended with SIGTERM/)
    await expect(expect(guest.exec('kill -TERM $$')).toExitWith(1)).rejects.toThrow(/ended with SIGTERM/)
  })
})

test('wrong use is an error, with .not too', async () => {
  const notGuest = { hostname: 'web' } as Guest
  await expect(expect(notGuest).toHaveUnit('ssh')).rejects.toThrow(
    /^toHaveUnit\(\) needs a guest; got \{ hostname: 'web' \}\n/,
  )
  await expect(expect(notGuest).not.toHaveUnit('ssh')).rejects.toBeInstanceOf(GuestError)
  await expect(expect(guest).toListenOn('http://x')).rejects.toThrow(
    /^toListenOn\(\) takes a port or the URL of a socket/,
  )
  const wrong = () => {
    // @ts-expect-error: its type says so too
    // eslint-disable-next-line @typescript-eslint/no-unsafe-call
    expect('text').toSucceed()
  }
  expect(wrong).toThrow(/^toSucceed\(\) needs a result of guest\.exec\(\); got 'text'/)
})

test.for<[keyof GuestMatchers, unknown[], RegExp]>([
  [
    'toHaveUnit',
    ['ssh', { actve: true }],
    /^Unknown option `expected\.actve`\. Did you mean `expected\.active`\?\nKnown options: active, enabled, failed/,
  ],
  ['toHaveUnit', ['ssh', true], /^toHaveUnit\(\) takes an object of expectations \(active, enabled, .*\); got true$/],
  [
    'toHaveUnit',
    ['ssh', {}, 2000],
    /^toHaveUnit\(\) takes its options as an object \(timeout, interval, signal\); got 2000$/,
  ],
  ['toHaveUnit', ['ssh', {}, { timeOut: 1 }], /^Unknown option `options\.timeOut`\. Did you mean `options\.timeout`\?/],
  ['toHaveUnit', [], /^toHaveUnit\(\) takes what to look for; got undefined$/],
  ['toHaveFile', ['/etc/hosts', { content: 'a', contains: 'a' }], /^Option `expected\.contains` must be omitted when/],
  ['toHaveProcess', [{ command: 'sshd' }], /^Unknown option `expected\.command`/],
  ['toHaveUnit', ['ssh', { active: 'yes' }], /^Option `expected\.active` must be true or false; got 'yes'/],
  ['toHaveFile', ['/etc', { type: 'regular' }], /^Option `expected\.type` must be one of 'file', 'directory'/],
  ['toHaveUser', ['root', { groups: 'root' }], /^Option `expected\.groups` must be an array/],
  ['toHaveProcess', [{}], /^toHaveProcess\(\) takes at least one of name, user/],
  ['toHaveSysctl', ['vm.swappiness'], /^toHaveSysctl\(\) takes the expected value; got undefined$/],
])('wrong arguments, which types would not let through: %s(%o)', async ([matcher, args, message]) => {
  const matchers = expect(guest) as unknown as Record<string, (...args: unknown[]) => Promise<void>>
  const negated = expect(guest).not as unknown as typeof matchers
  await expect(matchers[matcher]?.(...args)).rejects.toThrow(message)
  await expect(negated[matcher]?.(...args)).rejects.toThrow(message)
})

test('an exit code must be a number: undefined would match a killed command', async () => {
  const killed = await guest.exec('kill -TERM $$', { reject: false })
  expect(() => expect(killed).toExitWith(undefined as unknown as number)).toThrow(
    /^toExitWith\(\) takes an exit code; got undefined\n/,
  )
})

test("otherwise it is vitest's expect", async () => {
  expect.soft(1).toBe(1)
  await expect.soft(guest).toHaveUnit('ssh', { active: true })
  await expect.poll(async () => (await guest.exec('echo 1')).stdout, { timeout: LIMITS.patient }).toBe('1')
  expect({ a: 'text' }).toEqual({ a: expect.stringContaining('tex') as string })
  expect.extend({ toBeOdd: (received: number) => ({ pass: received % 2 === 1, message: () => 'even' }) })
  ;(expect(3) as unknown as { toBeOdd: () => void }).toBeOdd()
})
