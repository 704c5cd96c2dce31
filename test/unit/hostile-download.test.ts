import { lstatSync, mkdirSync, readFileSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Client } from 'ssh2'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { CommandError, type GuestError, HostError } from '../../src/errors.ts'
import { download } from '../../src/ssh/files/download.ts'
import { archive, type Member } from '../support/archive.ts'
import { logIn, startSshServer, type SshServer } from '../support/ssh-server.ts'
import { standIn, temporaryFolder } from './support/temporary-folder.ts'

/** The guest's `tar` prints whatever the guest likes. */
const shell = { env: { ...process.env } }
let server: SshServer
let client: Client
/** A folder on the host with the target of all downloads, and a secret folder that nothing may reach. */
let host: string
let target: string
let victim: string

beforeAll(async () => {
  server = await startSshServer(shell)
  client = await logIn(server)
})
afterAll(async () => {
  client.destroy()
  await server[Symbol.asyncDispose]()
})
beforeEach(() => {
  host = temporaryFolder()
  target = join(host, 'target')
  victim = join(host, 'victim')
  mkdirSync(victim)
  writeFileSync(join(victim, 'authorized_keys'), 'mine')
})

/** What the guest's tar does from now on. */
function tarDoes(script: string): void {
  const folder = temporaryFolder()
  standIn('tar', script, folder)
  shell.env['PATH'] = `${folder}:${process.env['PATH']}`
}

function tarAnswers(...members: Member[]): void {
  const file = join(temporaryFolder(), 'archive')
  writeFileSync(file, archive(members))
  tarDoes(`exec cat ${file}`)
}

/** The script needs a path that also exists on this host. */
async function fetch(to = target, maxBytes = 1_000_000): Promise<GuestError | undefined> {
  const act = { what: `download of '/etc' to '${to}'`, path: '/etc', stallMs: 10_000 }
  return download(client, to, { onProgress: undefined, maxBytes }, act).then(
    () => undefined,
    (error: unknown) => error as GuestError,
  )
}

/** Nothing is in the wrong place, and nothing unfinished of ours is left. */
function expectUntouched(): void {
  expect(readdirSync(victim)).toEqual(['authorized_keys'])
  expect(readFileSync(join(victim, 'authorized_keys'), 'utf8')).toBe('mine')
  expect(readdirSync(host).filter((name) => name !== 'target')).toEqual(['victim'])
}

describe('two entries with one path: the first is a symlink to the outside, the second would follow it', () => {
  test.for([
    ['symlink', { name: './etc', type: 'symlink', link: 'victim' }],
    ['pipe', { name: './etc', type: 'pipe' }],
  ] as const)('a %s is no answer', async ([kind, member]) => {
    tarAnswers(member)
    const error = await fetch()
    expect(error).toBeInstanceOf(CommandError)
    expect(error?.message).toMatch(
      new RegExp(`failed in the guest: its archive contains a ${kind}, not one file or folder\\n`),
    )
    tarAnswers({ name: './etc', type: 'folder', mode: 0o755 }, { name: './etc/authorized_keys', data: 'theirs' })
    expect(await fetch()).toBeUndefined()
    expect(readFileSync(join(target, 'authorized_keys'), 'utf8')).toBe('theirs')
    expectUntouched()
  })

  test.for([
    [
      'a folder',
      'victim',
      [
        { name: './etc', type: 'folder', mode: 0o755 },
        { name: './etc/authorized_keys', data: 'theirs' },
      ],
    ],
    ['a file', 'victim/authorized_keys', [{ name: './etc', data: 'theirs' }]],
    ['a file that is not there yet', 'victim/new', [{ name: './etc', data: 'theirs' }]],
  ] as const)('an existing symlink to %s is not followed', async ([, leadsTo, members]) => {
    symlinkSync(leadsTo, target)
    tarAnswers(...members)
    const error = await fetch()
    expect(error).toBeInstanceOf(HostError)
    expect(error).toMatchObject({ code: 'ELOOP', path: target })
    expect(error?.message).toMatch(
      /target: Is a symlink, which is not followed\nThe path is a symlink: give the path that it points to, or remove the link\.$/,
    )
    expect(lstatSync(target).isSymbolicLink()).toBe(true)
    expectUntouched()
  })

  test('a symlink in a folder from an earlier download is replaced, not followed', async () => {
    tarAnswers(
      { name: './etc', type: 'folder', mode: 0o755 },
      { name: './etc/sub', type: 'symlink', link: '../victim' },
    )
    expect(await fetch()).toBeUndefined()
    const folder = { name: './etc', type: 'folder', mode: 0o755 } as const
    tarAnswers(
      folder,
      { name: './etc/sub', type: 'folder', mode: 0o755 },
      { name: './etc/sub/authorized_keys', data: 'theirs' },
    )
    expect(await fetch()).toMatchObject({ name: 'HostError', code: 'ENOTDIR' })
    tarAnswers(folder, { name: './etc/sub', data: 'a file' })
    expect(await fetch()).toBeUndefined()
    expect(lstatSync(join(target, 'sub')).isFile()).toBe(true)
    expectUntouched()
  })

  test('the folder is the caller’s choice, even by a symlink', async () => {
    symlinkSync('victim', join(host, 'link'))
    tarAnswers({ name: './etc', data: 'theirs' })
    expect(await fetch(join(host, 'link', 'new'))).toBeUndefined()
    expect(readFileSync(join(victim, 'new'), 'utf8')).toBe('theirs')
  })

  test('a pipe, socket or device of the host is not replaced', async () => {
    tarAnswers({ name: './etc', data: 'theirs' })
    const error = await fetch('/dev/null')
    expect(error?.message).toMatch(
      /^download of '\/etc' to '\/dev\/null' failed on the host\n[^]*\/dev\/null: Is a device$/,
    )
    expect(lstatSync('/dev/null').isCharacterDevice()).toBe(true)
  })
})

test.for([
  ['a name above', { name: '../../../escaped', data: 'theirs' }],
  ['a name through a symlink', { name: './etc/out/escaped', data: 'theirs' }],
  ['a hard link', { name: './etc/passwd', type: 'hardLink', link: '../../victim/authorized_keys' }],
  ['permissions of the folder around it', { name: '../', type: 'folder', mode: 0o777 }],
] as const)('%s leads nowhere', async ([, member]) => {
  const folder = { name: './etc', type: 'folder', mode: 0o755 } as const
  tarAnswers(folder, { name: './etc/out', type: 'symlink', link: victim }, member)
  expect(await fetch()).toBeInstanceOf(HostError)
  expect(readdirSync(host)).toEqual(['victim'])
  expectUntouched()
})

describe('what this host does not accept', () => {
  test('devices, and setuid, setgid and sticky bits: the rest is downloaded, with a warning', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue()
    tarAnswers(
      { name: './etc', type: 'folder', mode: 0o3755 },
      { name: './etc/null', type: 'device', mode: 0o666 },
      { name: './etc/su\x1b[2J', mode: 0o6755, data: 'setuid' },
      { name: './etc/plain', mode: 0o600, data: 'plain' },
    )
    expect(await fetch()).toBeUndefined()
    expect(readdirSync(target).sort()).toEqual(['plain', 'su\x1b[2J'])
    expect(lstatSync(target).mode & 0o7777).toBe(0o755)
    expect(lstatSync(join(target, 'su\x1b[2J')).mode & 0o7777).toBe(0o755)
    expect(lstatSync(join(target, 'plain')).mode & 0o7777).toBe(0o600)
    expect(warn.mock.calls.map(([message]) => message)).toEqual([
      `download of '/etc' to '${target}': skipped devices: './etc/null'`,
      `download of '/etc' to '${target}': cleared setuid, setgid and sticky bits: './etc' and 1 more`,
    ])
    warn.mockRestore()
    expectUntouched()
  })

  test('a device alone is an error', async () => {
    tarAnswers({ name: './etc', type: 'device' })
    expect((await fetch())?.message).toMatch(
      /failed in the guest: its archive contains 0 entries, not one file or folder/,
    )
    expect(readdirSync(host)).toEqual(['victim'])
  })

  test('another failure of tar, besides a device, is still an error', async () => {
    tarAnswers(
      { name: './etc', type: 'folder' },
      { name: './etc/null', type: 'device' },
      { name: './etc/null/x: Cannot mknod: Operation not permitted', data: 'x' },
      { name: './etc/broken', type: 'hardLink', link: './etc/none: Cannot mknod: Operation not permitted' },
    )
    expect(await fetch()).toMatchObject({ name: 'HostError', exitCode: 2 })
    expect(readdirSync(host)).toEqual(['victim'])
  })
})

describe('an archive that is not what was requested', () => {
  test.for([
    ['is empty', [], /its archive contains 0 entries, not one file or folder/],
    [
      'has two members',
      [
        { name: './etc', data: '1' },
        { name: './passwd', data: '2' },
      ],
      /its archive contains 2 entries, not one/,
    ],
  ] as const)('%s', async ([, members, message]) => {
    tarAnswers(...members)
    const error = await fetch()
    expect(error).toBeInstanceOf(CommandError)
    expect(error?.message).toMatch(message)
    expect(readdirSync(host)).toEqual(['victim'])
  })

  test('leaves nothing behind, whatever permissions its folders have', async () => {
    tarAnswers(
      { name: './etc', type: 'folder', mode: 0 },
      { name: './etc/x', data: 'x' },
      { name: './', type: 'folder', mode: 0 },
      { name: './2' },
    )
    expect(await fetch()).toBeInstanceOf(CommandError)
    expect(readdirSync(host)).toEqual(['victim'])
  })

  test.for([
    ['5 TB of nothing', 'truncate --size=5T etc && exec /bin/tar --create --sparse ./etc'],
    ['a file without end', `${header(8 * 1024 ** 3)}exec cat /dev/zero`],
    ['names without end', 'exec yes "$(printf "%0511d")"'],
    [
      'empty files without end',
      `printf '' >etc; /bin/tar --create ./etc | head -c 512 >one
      for n in 1 2 3 4 5 6 7 8; do cat one one >two; mv two one; done; while cat one; do :; done`,
    ],
  ] as const)('%s: bounded', async ([, script]) => {
    tarDoes(`cd ${temporaryFolder()}; ${script}`)
    const error = await fetch()
    expect(error).toMatchObject({ code: 'EFBIG' })
    expect(error?.message).toMatch(/more than 1000000 bytes[^]*Raise maxBytes if that much is intended\.$/)
    expect(readdirSync(host)).toEqual(['victim'])
  })
})

/** Prints the header of a file of so many bytes. */
function header(size: number): string {
  return `truncate --size=${size} etc; /bin/tar --create ./etc | head -c 512; `
}
