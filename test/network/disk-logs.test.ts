import { mkdir, mkdtemp, readdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { spawn } from 'node:child_process'
import type { Duplex } from 'node:stream'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findLogs, readJournal, readLogs } from '../../fixtures/evidence/disk/disk-logs.ts'
import { HostError } from '../../src/errors.ts'
import { Qmp } from '../../src/qmp/qmp.ts'
import { qemuFolder } from '../../src/host/files/state-folder.ts'
import { requireTool } from '../../src/host/program/tools.ts'
import { copyDisk } from '../../fixtures/evidence/disk/copy-disk.ts'
import { Ext4 } from '../../fixtures/evidence/disk/ext4.ts'

/** As long as the final name: mke2fs does not copy files of that name, so it is changed in the image. */
const PLAIN = 'aa-aa-aa-climbed'
const CLIMBING = '../../../climbed'

let folder: string
let disk: string
let signal: AbortSignal

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vg-disk-'))
  signal = AbortSignal.timeout(300_000)
  disk = join(folder, 'disk')
  const log = join(folder, 'guest/var/log')
  await mkdir(join(log, 'nginx'), { recursive: true })
  await mkdir(join(log, 'journal', 'a'.repeat(32)), { recursive: true })
  await writeFile(join(log, 'syslog'), 'the first\nthe last\n')
  await writeFile(join(log, 'nginx/error.log'), 'no such file\n')
  await writeFile(join(log, PLAIN), 'climbed\n')
  await writeFile(join(log, 'long'), `${'x'.repeat(99)}\n`.repeat(10_000))
  await writeFile(join(log, 'wtmp'), Buffer.alloc(384))
  await writeFile(join(log, 'name with $(reboot)\n/9/100644/0/0/syslog/9/'.replaceAll('/', '_')), 'odd\n')
  await writeFile(join(log, 'journal', 'a'.repeat(32), 'system.journal'), 'LPKSHHRH but no journal')
  await symlink('/etc/passwd', join(log, 'passwd'))
  await symlink('/etc', join(log, 'etc'))
  await truncate(join(log, 'syslog'))
  await writeFile(join(log, 'syslog'), 'the first\nthe last\n')
  await execa('truncate', ['--size=1T', join(log, 'sparse')])
  // With a journal, as in guests, and without checksums, which renaming would break.
  const features = ['-O', '^metadata_csum,^dir_index', '-d', join(folder, 'guest')]
  await execa(requireTool('mke2fs'), ['-q', '-F', '-t', 'ext4', ...features, disk, '64M'])
  const image = await readFile(disk)
  for (let at = image.indexOf(PLAIN); at !== -1; at = image.indexOf(PLAIN, at)) image.write(CLIMBING, at)
  await writeFile(disk, image)
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function workplace(): Promise<string> {
  const path = join(folder, 'a/b/c', `${performance.now()}`)
  await mkdir(path, { recursive: true })
  return path
}

const below = async (path: string) =>
  (await readdir(path, { recursive: true })).filter((name) => /(^|\/)climbed$/.test(name))

test('the disk is an attack on those who copy its folders by name', async () => {
  const into = join(await workplace(), 'into')
  await mkdir(into)
  await execa(requireTool('debugfs'), ['-R', `rdump /var/log ${into}`, disk], { reject: false, timeout: 2000 })
  expect(await below(folder)).toEqual([expect.stringMatching(/^a\/b\/c\/climbed$/)])
  await rm(join(folder, 'a/b/c/climbed'))
})

test('no file with a name from the disk is created for its logs', async () => {
  const temporary = await workplace()
  const ext4 = await Ext4.open(disk, temporary, signal)
  const logs = await readLogs(ext4, await findLogs(ext4), temporary)
  expect(logs).toContain('==> /var/log/syslog <==\nthe first\nthe last\n')
  expect(logs).toContain('==> /var/log/nginx/error.log <==\nno such file\n')
  expect(logs).toContain('==> /var/log/wtmp <== omitted: not text (384 bytes)\n')
  expect(logs).toContain('==> /var/log/sparse <== omitted (1099511627776 bytes)\n')
  expect(logs).toMatch(/==> \/var\/log\/long <== the last 131072 of 1000000 bytes\nx{99}\n/)
  expect(logs).not.toMatch(/climbed|passwd|root:|reboot|\/etc/)
  expect(logs.length).toBeLessThan(140_000)
  expect(await below(folder)).toEqual([])
  expect((await readdir(temporary)).filter((name) => !/^log-\d$/.test(name))).toEqual([])
})

test('an invalid journal is an error', async () => {
  const temporary = await workplace()
  const ext4 = await Ext4.open(disk, temporary, signal)
  const reading = readJournal(ext4, await findLogs(ext4), temporary, signal)
  const error = await reading.catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(HostError)
  expect(error).toHaveProperty(
    'message',
    expect.stringMatching(/^journalctl failed in its sandbox|^Its journal is empty/),
  )
})

test('a symlink in place of a folder is not followed', async () => {
  const temporary = await workplace()
  const ext4 = await Ext4.open(disk, temporary, signal)
  await expect(ext4.find('var', 'log', 'etc')).rejects.toThrow('There is no folder /var/log/etc in the file system')
})

test('a disk without ext4 is refused, whatever its partition table says', async () => {
  const empty = join(folder, 'empty')
  const table = Buffer.alloc(1024 + 128 * 128, 0xff)
  table.write('EFI PART', 512, 'latin1')
  await writeFile(empty, table)
  await expect(Ext4.open(empty, folder, signal)).rejects.toThrow('No ext4 file system was found on the disk')
})

test('the disk of a machine is copied', async () => {
  const temporary = await workplace()
  await mkdir(qemuFolder(temporary))
  const machine = ['-machine', 'none', '-nodefaults', '-display', 'none']
  const drive = `file=${disk},format=raw,if=none,id=disk,snapshot=on`
  const channel = ['-chardev', 'socket,id=qmp,fd=3', '-mon', 'chardev=qmp,mode=control']
  const child = spawn(requireTool('qemu-system-x86_64'), [...machine, '-drive', drive, ...channel], {
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
    cwd: qemuFolder(temporary),
  })
  try {
    const qmp = new Qmp(child.stdio[3] as Duplex)
    await qmp.execute('qmp_capabilities')
    const to = join(temporary, 'copy')
    await copyDisk((command, args) => qmp.execute(command, args), { to, stateFolder: temporary, signal })
    expect((await readFile(to)).equals(await readFile(disk))).toBe(true)
  } finally {
    child.kill('SIGKILL')
  }
})
