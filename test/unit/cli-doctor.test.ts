import { dirname } from 'node:path'
import { expect, test } from 'vitest'
import { renderDoctor } from '../../src/doctor/render-doctor.ts'
import type { Capabilities } from '../../src/doctor/capabilities.ts'
import { judgeNetworks } from '../../src/doctor/probe-networks.ts'
import { findTool } from '../../src/host/program/tools.ts'
import { runCli } from './support/node.ts'
import { pathWithout, standIn, temporaryFolder } from './support/temporary-folder.ts'

interface Item {
  name: string
  state: string
  found: string
  means: string
  fix?: string
}

const CAPABILITIES: Capabilities = {
  canBoot: true,
  accelerator: 'tcg',
  items: [
    { name: 'QEMU', state: 'ok', found: '7.2.22  /usr/bin/qemu-system-x86_64', means: 'runs guests' },
    { name: 'KVM', state: 'degraded', found: '/dev/kvm is missing', means: 'slow', fix: 'sudo modprobe kvm_intel' },
    { name: 'ip', state: 'ok', found: '6.1.0', means: 'makes bridges' },
  ],
  packages: [],
}

test('a passed check takes one line; a failed one says what that means and how to fix it', () => {
  expect(renderDoctor(CAPABILITIES, false)).toBe(`\
ok        QEMU  7.2.22  /usr/bin/qemu-system-x86_64  runs guests
degraded  KVM   /dev/kvm is missing
                means: slow
                fix:   sudo modprobe kvm_intel
ok        ip    6.1.0                                makes bridges

A guest can boot here, emulated. Degraded: KVM.
`)
})

test('colours only when asked for', () => {
  expect(renderDoctor(CAPABILITIES, true)).toContain('\u001b[33mdegraded\u001b[0m')
  expect(renderDoctor(CAPABILITIES, false)).not.toContain('\u001b')
})

test('the verdict names what is missing, and one command for all packages', () => {
  const missing = { name: 'QEMU', state: 'missing', found: 'no', means: 'guests cannot run' } as const
  const install = 'sudo apt-get install --yes qemu-system-x86 xorriso'
  const text = renderDoctor({ ...CAPABILITIES, canBoot: false, items: [missing], install }, false)
  expect(text).toMatch(`\nNo guest can boot here. Missing: QEMU.\nAll missing packages: ${install}\n`)
})

test('without QEMU: exit code 1, and the command that fixes it', async () => {
  const { exitCode, stdout } = await runCli(['doctor'], { PATH: pathWithout('qemu-system-x86_64') })
  expect(exitCode).toBe(1)
  expect(stdout).toMatch(
    /^missing +QEMU +no qemu-system-x86_64\n +means: guests cannot run\n +fix: .* qemu-system-x86$/m,
  )
  expect(stdout).toMatch(/^No guest can boot here\. Missing: .*QEMU.*\.\nAll missing packages: .*qemu-system-x86/m)
  expect(stdout).not.toContain('\u001b')
})

test('without mmdebstrap guests can still boot; only the default image cannot be built', async () => {
  const { stdout } = await runCli(['doctor', '--json'], {
    PATH: pathWithout('mmdebstrap'),
    VITEST_GUEST_CACHE: temporaryFolder(),
  })
  const { items, packages, canBoot } = JSON.parse(String(stdout)) as {
    items: Item[]
    packages: string[]
    canBoot: boolean
  }
  expect(items.find(({ name }) => name === 'mmdebstrap')).toMatchObject({
    state: 'degraded',
    found: 'no mmdebstrap',
    means: 'the default image cannot be built; a disk of your own still boots',
    fix: expect.stringMatching(/ mmdebstrap$/) as string,
  })
  expect(packages).toContain('mmdebstrap')
  expect(canBoot).toBe(items.every(({ state }) => state !== 'missing'))
})

test('--json prints the same as data, with the same exit code', async () => {
  const { exitCode, stdout } = await runCli(['doctor', '--json'], { VITEST_GUEST_CACHE: temporaryFolder() })
  const { items, canBoot } = JSON.parse(String(stdout)) as { items: Item[]; canBoot: boolean }
  expect(exitCode).toBe(canBoot ? 0 : 1)
  expect(items.map(({ name }) => name)).toEqual(expect.arrayContaining(['KVM', 'TUN', 'namespaces', 'QEMU', 'memory']))
  for (const { found, means, state, fix } of items) {
    expect(found).not.toBe('')
    expect(means).not.toBe('')
    if (state === 'missing') expect(fix).toBeTruthy()
  }
})

const FORBIDDEN = [
  'unshare', '--user', '--map-root-user', '--mount', 'sh', '-c',
  'echo 0 > /proc/sys/user/max_user_namespaces && mount -t tmpfs none /dev/net && exec setpriv --bounding-set=-sys_admin -- "$@"',
  'sh',
] // prettier-ignore

test('if only a user network is possible, guests can boot: exit code 0, and how to fix the others', async () => {
  const cache = { VITEST_GUEST_CACHE: temporaryFolder() }
  const { exitCode, stdout } = await runCli(['doctor'], cache, FORBIDDEN)
  expect(exitCode, String(stdout)).toBe(0)
  expect(stdout).toMatch(/^degraded +TUN .*\/dev\/net\/tun is missing$/m)
  expect(stdout).toMatch(
    /^degraded +namespaces .*user\.max_user_namespaces is 0\n.*\n +fix: +sudo sysctl -w user\.max_user_namespaces=16384$/m,
  )
  expect(stdout).toMatch(
    /^degraded +networks +user; not private: \/dev\/net\/tun is missing, and .*max_user_namespaces is 0; not host: \/dev\/net\/tun is missing, and This user cannot create interfaces on the host: .*\n +means: auto uses user: .*\n +fix: +sudo modprobe tun; .*sysctl -w user\.max_user_namespaces=16384$/m,
  )
  expect(stdout).toMatch(/^A guest can boot here, .*, on a network of kind user\. Degraded: .*networks/m)
})

test('if no kind is possible, because QEMU lacks a user network: exit code 1', async () => {
  const qemu = findTool('qemu-system-x86_64') as string
  const script = `[ "$1" = -netdev ] && { echo tap; exit; }\nexec ${qemu} "$@"`
  const PATH = `${dirname(standIn('qemu-system-x86_64', script))}:${process.env['PATH']}`
  const { exitCode, stdout } = await runCli(['doctor'], { VITEST_GUEST_CACHE: temporaryFolder(), PATH }, FORBIDDEN)
  expect(exitCode, String(stdout)).toBe(1)
  expect(stdout).toMatch(
    /^missing +networks +none; not private: .*; not user: \S+ was built without user networking\n/m,
  )
  expect(stdout).toMatch(/^No guest can boot here\. Missing: networks\.$/m)
})

test('the first possible kind of network is used, and one command fixes the better ones', () => {
  const tun = { why: '/dev/net/tun is closed', fix: 'sudo chmod 0666 /dev/net/tun' }
  const forbidden = { why: 'AppArmor forbids it', fix: 'sudo sysctl -w a=0' }
  expect(judgeNetworks({ private: [], host: [forbidden], user: [] })).toEqual({
    name: 'networks',
    state: 'ok',
    kind: 'private',
    found: 'private, user',
    means: 'auto uses private',
  })
  expect(judgeNetworks({ private: [forbidden], host: [], user: [] })).toMatchObject({
    state: 'degraded',
    kind: 'host',
    found: 'host, user; not private: AppArmor forbids it',
    fix: 'sudo sysctl -w a=0',
  })
  expect(judgeNetworks({ private: [tun, forbidden], host: [tun, { why: 'no sudo' }], user: [] })).toMatchObject({
    state: 'degraded',
    kind: 'user',
    found:
      'user; not private: /dev/net/tun is closed, and AppArmor forbids it; not host: /dev/net/tun is closed, and no sudo',
    fix: 'sudo chmod 0666 /dev/net/tun && sudo sysctl -w a=0',
  })
})
