import { execFileSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { GuestError } from '../../src/errors.ts'
import { makeCredentials } from '../../src/seed/credentials.ts'
import { metaData } from '../../src/seed/volume.ts'
import { networkConfig } from '../../src/seed/network-config.ts'
import { userData } from '../../src/seed/user-data.ts'

const credentials = makeCredentials('pass: "word" \'#')
const input = {
  hostname: 'web-1',
  instanceId: 'i-1',
  nics: [{ macAddress: '52:54:00:AB:CD:EF', addresses: ['192.168.100.224/24'] }],
  credentials,
  cloudConfig: {},
}

/** The documents are JSON after their comments. */
function parse(document: string): Record<string, unknown> {
  return JSON.parse(document.replace(/^#.*\n/gm, '')) as Record<string, unknown>
}

interface UserData {
  users: { name: string; hashed_passwd: string }[]
  bootcmd: string[]
  write_files: { path: string; content: string; permissions?: string }[]
}
const parseUserData = (cloudConfig = {}) => parse(userData({ ...input, cloudConfig })) as unknown as UserData

describe('meta-data', () => {
  test('names the instance and the host, and does the work before the network is up', () => {
    expect(metaData(input)).toBe('{"instance-id":"i-1","local-hostname":"web-1","dsmode":"local"}\n')
  })
})

describe('network-config', () => {
  test('is version 2, matched by MAC under any name, static, without route, name server, or IPv6', () => {
    expect(parse(networkConfig(input))).toEqual({
      version: 2,
      ethernets: {
        eth0: {
          match: { macaddress: '52:54:00:ab:cd:ef' },
          addresses: ['192.168.100.224/24'],
          dhcp4: false,
          dhcp6: false,
          'accept-ra': false,
          'link-local': [],
        },
      },
    })
  })
})

describe('a card with IPv6 and another MTU', () => {
  const card = { macAddress: '52:54:00:ab:cd:ef', addresses: ['10.0.0.2/24', 'fd00::a00:2/64'], mtu: 9000 }

  test('has both addresses and the MTU', () => {
    expect(parse(networkConfig({ ...input, nics: [card] }))['ethernets']).toMatchObject({
      eth0: { addresses: card.addresses, mtu: 9000, 'link-local': [] },
    })
  })
})

test('nothing waits at boot for a card that gets no address', () => {
  const bare = { macAddress: '52:54:00:ab:cd:ef', addresses: [] }
  expect(parse(networkConfig({ ...input, nics: [...input.nics, bare] }))['ethernets']).toMatchObject({
    eth0: expect.not.objectContaining({ optional: true }) as unknown,
    eth1: { addresses: [], optional: true },
  })
})

describe('a card that asks for its address, and one with a way out', () => {
  const leased = { macAddress: '52:54:00:ab:cd:ef', addresses: [], dhcp: true, nameServer: '10.0.0.1' }

  test('has no address, or a default route', () => {
    const wayOut = { ...leased, addresses: ['10.0.0.4/24'], dhcp: false, router: '10.0.0.2' }
    expect(parse(networkConfig({ ...input, nics: [leased, wayOut] }))['ethernets']).toMatchObject({
      eth0: { addresses: [], dhcp4: true, nameservers: { addresses: ['10.0.0.1'] } },
      eth1: { addresses: ['10.0.0.4/24'], dhcp4: false, routes: [{ to: '0.0.0.0/0', via: '10.0.0.2' }] },
    })
  })

  test('only a guest without a resolver of its own is told in a file who knows names', () => {
    const pathsOf = (more: object) =>
      (parse(userData({ ...input, nics: [leased], ...more })) as unknown as UserData).write_files
    expect(pathsOf({ isPlain: true })).toContainEqual({ path: '/etc/resolv.conf', content: 'nameserver 10.0.0.1\n' })
    expect(pathsOf({}).map(({ path }) => path)).not.toContain('/etc/resolv.conf')
  })
})

describe('user-data', () => {
  test('begins as cloud-init wants it', () => {
    expect(userData(input)).toMatch(/^#cloud-config\n/)
  })

  test('lets root in by password and key, and pins the host key', () => {
    expect(parseUserData()).toMatchObject({
      disable_root: false,
      ssh_pwauth: true,
      users: [{ name: 'root', lock_passwd: false, ssh_authorized_keys: [credentials.clientPublicKey] }],
      ssh_deletekeys: true,
      ssh_keys: { ed25519_private: credentials.hostKey, ed25519_public: `${credentials.hostPublicKey}\n` },
    })
  })

  test("has root's password as a hash that crypt() accepts, and nowhere as text", () => {
    const hash = parseUserData().users[0]?.hashed_passwd ?? ''
    expect(hash).toMatch(/^\$5\$rounds=1000\$[0-9a-f]{16}\$[./0-9A-Za-z]{43}$/)
    const { rootPassword } = credentials
    expect(execFileSync('perl', ['-e', 'print crypt($ARGV[0], $ARGV[1])', '--', rootPassword, hash]).toString()).toBe(
      hash,
    )
    expect(userData(input)).not.toContain(JSON.stringify(rootPassword).slice(1, -1))
    expect(parseUserData().users[0]?.hashed_passwd).not.toBe(hash)
  })

  test("writes sshd's settings where they win, and where cloud-init would restart sshd to write them", () => {
    const files = new Map(parseUserData().write_files.map(({ path, content }) => [path, content]))
    const ours = files.get('/etc/ssh/sshd_config.d/00-vitest-guest.conf')?.split('\n')
    expect(ours).toEqual(
      expect.arrayContaining(['PermitRootLogin yes', 'PasswordAuthentication yes', 'MaxSessions 100']),
    )
    expect(files.get('/etc/ssh/sshd_config.d/50-cloud-init.conf')).toBe('PasswordAuthentication yes\n')
  })

  test("keeps networkd from waiting, beside cloud-init's own files, whatever the cards are called", async () => {
    const folder = await mkdtemp(join(tmpdir(), 'vg-networkd-'))
    try {
      const [script = ''] = parseUserData().bootcmd
      const run = () => execFileSync('sh', ['-c', script.replaceAll('/etc/systemd/network', folder)])
      run()
      expect(await readdir(folder)).toEqual([])
      const rest = '[Network]\nLinkLocalAddressing=no\nIPv6AcceptRA=no\nIPv6DuplicateAddressDetection=0\n'
      const wanted = {
        ens3: ['DHCP=no\n\n[Address]\nAddress=192.168.100.224/24\n', rest],
        enp0s4: ['DHCP=ipv4\n', rest],
        lan: ['DHCP=no\n', `[Link]\nRequiredForOnline=no\n${rest}`],
      }
      for (const [name, [text]] of Object.entries(wanted)) {
        await writeFile(join(folder, `10-cloud-init-${name}.network`), `[Match]\nName=${name}\n\n[Network]\n${text}`)
      }
      run()
      for (const [name, [, content]] of Object.entries(wanted)) {
        const dropIn = join(folder, `10-cloud-init-${name}.network.d`, '50-vitest-guest.conf')
        expect(await readFile(dropIn, 'utf8')).toBe(content)
      }
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  test("has the user's own cloud-config over ours", () => {
    const own = parseUserData({
      users: ['default', { name: 'joe' }],
      write_files: [{ path: '/etc/motd', content: 'hi' }],
      runcmd: [['true']],
      locale: 'C.UTF-8',
    })
    expect(own.users).toMatchObject([{ name: 'root' }, 'default', { name: 'joe' }])
    expect(own.write_files.at(-1)).toEqual({ path: '/etc/motd', content: 'hi' })
    expect(own).toMatchObject({ runcmd: [['true']], locale: 'C.UTF-8', ssh_pwauth: true })
  })

  test('escapes what YAML would refuse or change, and only that', () => {
    const content = 'tab\t del\u007f nel\u0085 ls\u2028 ps\u2029 \ufffe \u{1d11e} é'
    const text = userData({ ...input, cloudConfig: { note: content } })
    expect(text).not.toMatch(/[\u007f-\u009f\u2028\u2029\ufffe]/)
    expect(text).toContain('\u{1d11e} é')
    expect(parse(text)['note']).toBe(content)
  })

  test.each([
    ['a BigInt', { n: 1n }],
    ['a cycle', cyclic()],
  ])('refuses %s', (_name, cloudConfig) => {
    expect(() => userData({ ...input, cloudConfig })).toThrow(GuestError)
    expect(() => userData({ ...input, cloudConfig })).toThrow(/^Option `cloudConfig` must be plain data; /)
  })
})

function cyclic(): Record<string, unknown> {
  const value: Record<string, unknown> = {}
  value['self'] = value
  return value
}
