import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bootGuest, openNetwork, type Guest, type GuestNetwork } from '../../src/index.ts'
import { connectSsh } from '../../src/ssh/connect.ts'
import { leftovers, ownTemporaryFolder } from '../support/leftovers.ts'
import { insideNode, split } from '../support/plug-in.ts'
import { PHASES } from '../support/phases.ts'
import { LIMITS } from '../support/time-limits.ts'

const CLI = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

let guest: Guest
let second: GuestNetwork
let folder: Awaited<ReturnType<typeof ownTemporaryFolder>>

beforeAll(async () => {
  folder = await ownTemporaryFolder()
  process.env['TMPDIR'] = folder.path
  second = await openNetwork({ subnet: '10.9.0.0/24', mtu: 1400 })
  guest = await bootGuest({
    interfaces: [{ network: second, address: '10.9.0.7' }],
    start: 'cold',
    cpus: 1,
    hostname: 'web',
    rootPassword: "it's $ecret",
    cloudConfig: {
      write_files: [{ path: '/etc/greeting', content: 'from cloudConfig' }],
      runcmd: ['touch /run/ran'],
    },
  })
})

afterAll(async () => {
  await guest[Symbol.asyncDispose]()
  await second[Symbol.asyncDispose]()
  const left = leftovers(folder.path)
  delete process.env['TMPDIR']
  await folder[Symbol.asyncDispose]()
  expect(left).toEqual([])
})

test('every phase of the boot has a name and a time', () => {
  expect(guest.phases.map(({ name }) => name)).toEqual(PHASES.cold)
  for (const { durationMs } of guest.phases) expect(durationMs).toBeGreaterThanOrEqual(0)
})

test('the static address is on the card with our MAC, and the outside is unreachable', async () => {
  const { stdout } = await guest.$`ip -json address show`
  const cards = JSON.parse(stdout) as { address: string; addr_info: { local: string; prefixlen: number }[] }[]
  const card = cards.find(({ address }) => address === guest.macAddress)
  expect(card?.addr_info).toContainEqual(expect.objectContaining({ local: '192.168.100.224', prefixlen: 24 }))
  expect((await guest.$`ip route show default`).stdout).toBe('')
})

test("it has a card on each network, with that network's settings", async () => {
  const [first, card] = guest.interfaces
  const { address, macAddress } = guest
  expect(first).toEqual({ name: expect.stringMatching(/./) as string, network: guest.network, address, macAddress })
  expect(card).toMatchObject({ network: second, address: '10.9.0.7' })
  const name = card?.name ?? ''
  expect((await guest.$`ip -o -4 address show dev ${name}`).stdout).toContain('inet 10.9.0.7/24')
  expect((await guest.$`cat /sys/class/net/${name}/address /sys/class/net/${name}/mtu`).stdout).toBe(
    `${card?.macAddress}\n1400`,
  )
  expect(second.members).toEqual([expect.objectContaining({ hostname: 'web', address: '10.9.0.7' })])
})

test('it routes between its networks when told to', async () => {
  const first = guest.network
  await execa(...split(first.inside(['ip', 'route', 'add', second.subnet.cidr, 'via', guest.address])))
  await execa(...split(second.inside(['ip', 'route', 'add', first.subnet.cidr, 'via', '10.9.0.7'])))
  const port = await insideNode((command) => second.inside(command), 'on the second')
  await expect(first.dial(second.gateway, port, AbortSignal.timeout(2000))).rejects.toThrow()
  await guest.$`sysctl -w net.ipv4.ip_forward=1`
  expect((await buffer(await first.dial(second.gateway, port))).toString()).toBe('on the second')
})

test('hostname, cloudConfig, and a system without failed units', async () => {
  expect((await guest.$`hostname`).stdout).toBe('web')
  expect((await guest.$`cat /etc/greeting`).stdout).toBe('from cloudConfig')
  await guest.$`test -e /run/ran`
  expect((await guest.$`systemctl --failed --no-legend --plain`).stdout).toBe('')
  expect(guest.warnings).toEqual([])
})

test('provisioning tools find what they need', async () => {
  await guest.$`command -v python3 && command -v sudo && command -v curl && command -v ip && command -v apt-get`
})

test('the host key is ours, and the only one', async () => {
  const { stdout } = await guest.exec('cat /etc/ssh/ssh_host_*_key.pub')
  expect(stdout.split('\n')).toHaveLength(1)
  expect(stdout).toContain(guest.credentials.hostPublicKey.split(' ')[1])
})

test("OpenSSH's own client logs in as root with the password, through the keeper's CONNECT", async () => {
  const secrets = await mkdtemp(join(tmpdir(), 'openssh-'))
  try {
    // ssh reads a password only from a terminal or from this program.
    const askPass = join(secrets, 'ask-pass')
    await writeFile(askPass, '#!/bin/sh\nprintf "%s\\n" "$GUEST_PASSWORD"\n', { mode: 0o700 })
    const knownHosts = join(secrets, 'known_hosts')
    await writeFile(knownHosts, `${guest.address} ${guest.credentials.hostPublicKey}\n`)
    const proxy = [process.execPath, CLI, 'connect', guest.network.socketPath, '%h', '%p'].join(' ')
    const options = {
      UserKnownHostsFile: knownHosts,
      StrictHostKeyChecking: 'yes',
      PubkeyAuthentication: 'no',
      PreferredAuthentications: 'password',
      NumberOfPasswordPrompts: '1',
      ProxyCommand: proxy,
    }
    const flags = Object.entries(options).flatMap(([name, value]) => ['-o', `${name}=${value}`])
    const { stdout } = await execa('ssh', ['-F', 'none', ...flags, `root@${guest.address}`, 'id -un; hostname'], {
      env: { SSH_ASKPASS: askPass, SSH_ASKPASS_REQUIRE: 'force', GUEST_PASSWORD: guest.rootPassword },
      stdin: 'ignore',
    })
    expect(stdout).toBe('root\nweb')
  } finally {
    await rm(secrets, { recursive: true, force: true })
  }
})

test('a wrong password is refused', async () => {
  const socket = await guest.connect(22)
  const login = { user: 'root', hostPublicKey: guest.credentials.hostPublicKey, password: 'wrong' }
  await expect(connectSsh(socket, login, AbortSignal.timeout(LIMITS.patient))).rejects.toMatchObject({
    name: 'SshError',
  })
})

test('the console contains the boot', () => {
  expect(guest.console.text).toMatch(/login:|cloud-init|systemd/i)
})
