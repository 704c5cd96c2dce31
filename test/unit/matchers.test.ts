import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { fileProbe } from '../../fixtures/matchers/file.ts'
import { packageProbe } from '../../fixtures/matchers/package.ts'
import type { Equals } from '../../fixtures/matchers/probe.ts'
import { parseProcesses, processProbe } from '../../fixtures/matchers/process.ts'
import { parseWish, socketProbe } from '../../fixtures/matchers/socket.ts'
import { interfaceProbe, mountProbe, sysctlProbe } from '../../fixtures/matchers/system.ts'
import { checkArguments } from '../../fixtures/matchers/check-arguments.ts'
import { UNIT_FIELDS, unitProbe } from '../../fixtures/matchers/unit.ts'
import { GuestError } from '../../src/errors.ts'
import { standIn, temporaryFolder } from './support/temporary-folder.ts'

const equals: Equals = (received, expected) => {
  try {
    expect(received).toEqual(expected)
    return true
  } catch {
    return false
  }
}

const PS = `      1       0 root                             systemd         /sbin/init
      2       0 root                             kthreadd        [kthreadd]
     14       2 root                             kworker/0:0-eve [kworker/0:0-events]
    310       1 www-data                         Web Content     /usr/lib/web --x y
    311       1 www-data                         Web Content     /usr/lib/web
`

test('processes, also with a space in their name', () => {
  expect(parseProcesses(PS)).toHaveLength(5)
  expect(parseProcesses(PS)[3]).toEqual({
    pid: 310,
    ppid: 1,
    user: 'www-data',
    name: 'Web Content',
    args: '/usr/lib/web --x y',
  })
  expect(processProbe({ name: 'Web Content', count: 2 }).judge(PS, equals).pass).toBe(true)
  const one = processProbe({ user: 'www-data', count: 1 }).judge(PS, equals)
  expect(one).toMatchObject({
    pass: false,
    note: 'there are 2',
    received: [{ user: 'www-data' }, { user: 'www-data' }],
  })
  expect(processProbe('nginx').judge(PS, equals)).toEqual({
    pass: false,
    note: 'there is none',
    expected: [{ name: 'nginx' }],
    received: [],
  })
  // No kernel threads among the similar names.
  expect(processProbe({ args: /nginx/ }).judge(PS, equals).received).toHaveLength(4)
})

test.for([
  [80, { protocol: 'tcp', address: undefined, port: 80 }],
  ['tcp://80', { protocol: 'tcp', address: undefined, port: 80 }],
  ['udp://[::1]:53', { protocol: 'udp', address: '::1', port: 53 }],
  ['unix:///run/a b', { protocol: 'unix', address: '/run/a b', port: 0 }],
] as const)('%s names a socket', ([wish, wanted]) => {
  expect(parseWish(wish)).toEqual(wanted)
})
test.for(['http://x:80', 'tcp://', '80', 'tcp://::1:80', 'unix://'])('%s names none', (wish) => {
  expect(() => parseWish(wish)).toThrow(/^toListenOn\(\) takes a port or the URL of a socket/)
})

test('a socket for all addresses serves each of its family; one on ::1 cannot be reached from outside', () => {
  const row = (address: string, port: string) => `   0: ${address}:${port} 00000000:0000 0A rest`
  const text = `= tcp\nhead\n${row('00000000', '0050')}\n${row('0100007F', '0051')}\n= tcp6\nhead\n${row('00000000000000000000000001000000', '0052')}\n`
  const pass = (wish: string | number) => socketProbe(wish).judge(text, equals).pass
  expect([80, 'tcp://127.0.0.1:80', 'tcp://10.0.0.1:80', 'tcp://[::1]:80'].map(pass)).toEqual([true, true, true, false])
  expect([81, 'tcp://127.0.0.1:81', 'tcp://10.0.0.1:81', 82, 'tcp://[::1]:82', 'udp://80'].map(pass)).toEqual([
    false,
    true,
    false,
    false,
    true,
    false,
  ])
})

test('modes are compared as octal numbers, however they are written', () => {
  const judge = (mode: string | number) => fileProbe('/x', { mode }).judge('regular file|644|root|root|0|0|5\n', equals)
  expect([0o644, '644', '0644', '0o644', 644, '4644'].map((mode) => judge(mode).pass)).toEqual([
    true,
    true,
    true,
    true,
    false,
    false,
  ])
  expect(fileProbe('/x', { mode: 0o7 }).judge('regular file|7|root|root|0|0|5\n', equals).pass).toBe(true)
  expect(fileProbe('/x').judge('', equals)).toEqual({ pass: false, note: 'there is none' })
})

test('content is shortened if only a part was expected', () => {
  const text = 'a'.repeat(3000)
  const { received } = fileProbe('/x', { contains: 'b' }).judge(`regular file|644|root|root|0|0|3000\n${text}`, equals)
  expect(received).toEqual({ content: `${text.slice(0, 2000)}… (3000 characters)` })
})

test('a name cannot escape from the command', () => {
  const name = "x'; reboot #"
  for (const { command } of [fileProbe(`/${name}`), unitProbe(name), packageProbe(name), interfaceProbe(name)]) {
    expect(command).toMatch(/'\/?x'\\''; reboot #'/)
  }
})

test('units: expected properties, and a unit that does not exist', () => {
  const shown =
    'LoadState=loaded\nActiveState=failed\nSubState=failed\nUnitFileState=static\nResult=exit-code\nExecMainStatus=2\nRestart=no\n'
  const judge = unitProbe('x', { active: true, enabled: false, properties: { Restart: /on-/ } }).judge(shown, equals)
  expect(judge).toMatchObject({
    pass: false,
    received: { active: false, enabled: false, properties: { Restart: 'no' } },
    note: 'it is failed (failed), Result=exit-code, exit status 2, static',
  })
  expect(unitProbe('x').judge('LoadState=not-found\nActiveState=inactive\n', equals).pass).toBe(false)
  expect(unitProbe('x').judge('LoadState=masked\nActiveState=inactive\n', equals).pass).toBe(true)
})

test.for([
  [
    'dpkg-query',
    '[ "$4" = bash ] && echo "installed|1.0-2|amd64" || exit 1',
    { version: '1.0-2', architecture: 'amd64' },
  ],
  [
    'rpm',
    '[ "$5" = bash ] && echo "installed|5.2-3.fc40|x86_64" || { echo "package $5 is not installed"; exit 1; }',
    { version: '5.2-3.fc40', architecture: 'x86_64' },
  ],
  [
    'apk',
    '[ "$3" = bash ] && echo "bash-5.2.26-r0 x86_64 {bash} (GPL-3.0-or-later) [installed]"',
    { version: '5.2.26-r0', architecture: 'x86_64' },
  ],
] as const)('a package is asked for where there is %s', async ([manager, script, wish]) => {
  const folder = temporaryFolder()
  standIn(manager, script, folder)
  symlinkSync('/usr/bin/awk', join(folder, 'awk'))
  const ask = async (name: string) => {
    const { command, judge } = packageProbe(name, wish)
    return judge((await execa('/bin/sh', ['-c', command], { env: { PATH: folder } })).stdout, equals)
  }
  expect(await ask('bash')).toMatchObject({ pass: true, received: wish })
  expect(await ask('nginx')).toEqual({ pass: false, note: 'there is none' })
})

test('a guest without a known package manager is told apart from one without the package', async () => {
  const asking = execa('/bin/sh', ['-c', packageProbe('bash').command], { env: { PATH: temporaryFolder() } })
  await expect(asking).rejects.toMatchObject({
    exitCode: 127,
    stderr: 'toHavePackage() asks dpkg, rpm or apk, but this guest has none of them',
  })
})

test('packages that were removed, mounts that hide one another, values with tabs', () => {
  expect(packageProbe('x').judge('config-files|1.0|amd64\n', equals).pass).toBe(false)
  const mounts = 'none /mnt\\040x tmpfs rw 0 0\n/dev/vdc /mnt\\040x ext4 ro,noatime 0 0\n'
  expect(mountProbe('/mnt x', { type: 'ext4', options: ['noatime'] }).judge(mounts, equals).pass).toBe(true)
  expect(sysctlProbe('net.ipv4.tcp_rmem', '4096 131072 6291456').judge('4096\t131072\t6291456\n', equals).pass).toBe(
    true,
  )
  expect(sysctlProbe('net.ipv4.conf.eth0/1.forwarding', 1).command).toContain(
    '/proc/sys/net/ipv4/conf/eth0.1/forwarding',
  )
})

test('other spellings are equal', () => {
  const mounts = 'proc /proc proc rw 0 0\n'
  expect(mountProbe('/proc/', {}).judge(mounts, equals).pass).toBe(true)
  expect(sysctlProbe('net/ipv4/ip_forward', 0).command).toContain('/proc/sys/net/ipv4/ip_forward')
  expect(sysctlProbe('net/ipv4/conf/eth0.1/forwarding', 0).command).toContain(
    '/proc/sys/net/ipv4/conf/eth0.1/forwarding',
  )
  const address = { local: '192.168.100.224', prefixlen: 24 }
  const link = JSON.stringify([{ flags: ['UP'], address: '52:54:00:ab:cd:ef', mtu: 1500, addr_info: [address] }])
  const wish = { mac: '52:54:00:AB:CD:EF', addresses: ['192.168.100.224'] }
  expect(interfaceProbe('eth0', wish).judge(link, equals).pass).toBe(true)
  expect(interfaceProbe('eth0', { addresses: ['192.168.100.22'] }).judge(link, equals).pass).toBe(false)
})

test("the matcher's own command is not counted among the processes", () => {
  const { command, judge } = processProbe('ps')
  const itself = `${'400'.padStart(7)} ${'399'.padStart(7)} ${'root'.padEnd(32)} ${'ps'.padEnd(15)} ${command}\n`
  expect(judge(PS + itself, equals).pass).toBe(false)
  const another = itself.replace(command, 'ps -e')
  expect(judge(PS + itself + another, equals).pass).toBe(true)
})

test.for([
  () => fileProbe('etc/passwd'),
  () => fileProbe('~/.ssh'),
  () => mountProbe('proc'),
  () => socketProbe(70022),
  () => socketProbe('tcp://0'),
  () => socketProbe('unix://run/x.sock'),
  () => unitProbe('x', { properties: { Nothing: '1' } }).judge('LoadState=loaded\nActiveState=active\n', equals),
])('what can be nowhere is refused, as `.not` would always hold: %s', (make) => {
  expect(make).toThrow(GuestError)
})

test("expected values, and a unit's properties, may be vitest's asymmetric matchers", () => {
  const expected = {
    active: expect.any(Boolean) as boolean,
    properties: { Restart: expect.stringContaining('on') as string },
  }
  const parameters = { count: 2, fields: UNIT_FIELDS } as const
  expect(() => checkArguments('toHaveUnit', parameters, ['x', expected])).not.toThrow()
  const wrong = { properties: { NRestarts: 0 } }
  expect(() => checkArguments('toHaveUnit', parameters, ['x', wrong])).toThrow(/`expected\.properties` must be strings/)
})
