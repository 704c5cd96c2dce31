import { createHash } from 'node:crypto'
import { truncateSync } from 'node:fs'
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  readlink,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { bootGuest, CommandError, type Guest, type TransferProgress } from '../../src/index.ts'
import { expectNothingLeft, failure } from '../support/transfers.ts'

/** Everything that a path may contain, as one name. */
const ODD = '-rf a\'b "c" $(id) \\n *\n täst ☃\n'

// What takes seconds: broken-transfers.slow.test.ts.
let guest: Guest
let host: string

beforeAll(async () => {
  host = await mkdtemp(join(tmpdir(), 'files-'))
  guest = await bootGuest()
  await guest.$`mkdir /t /small`
})
afterAll(async () => {
  await guest[Symbol.asyncDispose]()
  await rm(host, { recursive: true, force: true })
})

const expectTidy = () => expectNothingLeft(guest, host)

describe('readFile and writeFile', () => {
  test.for([
    ['every byte', '/t/bytes', Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))],
    ['no bytes', '/t/empty', Buffer.alloc(0)],
    ['1 MB', '/t/large', Buffer.alloc(1_000_000, 'vitest-guest')],
    ['an odd name', `/t/${ODD}`, Buffer.from('odd')],
    ['a path from home that looks like an option', '-n', Buffer.from('home')],
  ] as const)('%s comes back as it went', async ([, path, data]) => {
    await guest.writeFile(path, data)
    const back = await guest.readFile(path)
    expect(back.equals(data)).toBe(true)
  })

  test('text is UTF-8, and file names arrive unchanged', async () => {
    await guest.writeFile('/t/text', 'häl☃\n')
    expect(await guest.readFile('/t/text', 'utf8')).toBe('häl☃\n')
    expect((await guest.$`cat ${`/t/${ODD}`} ./-n`).stdout).toBe('oddhome')
  })

  test('mode and owner: given, by default, and kept', async () => {
    const facts = async () => (await guest.$`stat -c '%a %U:%G' /t/owned`).stdout
    await guest.writeFile('/t/owned', '1')
    expect(await facts()).toBe('644 root:root')
    await guest.writeFile('/t/owned', '2', { mode: 0o4750, owner: 'daemon:mail' })
    expect(await facts()).toBe('4750 daemon:mail')
    await guest.writeFile('/t/owned', '3')
    expect(await facts()).toBe('4750 daemon:mail')
    await guest.writeFile('/t/owned', '4', { mode: '600', owner: 'root' })
    expect(await facts()).toBe('600 root:mail')
    expect(await guest.readFile('/t/owned', 'utf8')).toBe('4')
  })

  test('a symlink is written through, a device and a file of the kernel directly', async () => {
    await guest.$`ln -s /t/led-to /t/link`
    await guest.writeFile('/t/link', 'through')
    expect((await guest.$`readlink /t/link; cat /t/led-to`).stdout).toBe('/t/led-to\nthrough')
    await guest.writeFile('/dev/null', 'nothing')
    await guest.writeFile('/proc/sys/net/ipv4/ip_forward', '1\n')
    expect((await guest.$`stat -c %F /dev/null; cat /proc/sys/net/ipv4/ip_forward`).stdout).toBe(
      'character special file\n1',
    )
    expect(await guest.readFile('/proc/sys/net/ipv4/ip_forward', 'utf8')).toBe('1\n')
  })

  test('a failed read or write has its code and path, and leaves nothing behind', async () => {
    await Promise.all(
      (
        [
          ['readFile', 'ENOENT', '/t/none', () => guest.readFile('/t/none')],
          ['readFile', 'EISDIR', '/t', () => guest.readFile('/t')],
          ['writeFile', 'EISDIR', '/t', () => guest.writeFile('/t', 'x')],
          ['writeFile', 'ENOENT', '/t/none/x', () => guest.writeFile('/t/none/x', 'x')],
          ['writeFile', 'ENOTDIR', '/t/text/x', () => guest.writeFile('/t/text/x', 'x')],
          ['writeFile', 'EINVAL', '/t/bytes', () => guest.writeFile('/t/bytes', 'x', { owner: 'nobody-of-that-name' })],
        ] as const
      ).map(async ([what, code, path, act]) => {
        const error = await failure(act())
        expect(error).toBeInstanceOf(CommandError)
        expect(error).toMatchObject({ code, path, exitCode: 1 })
        expect(error.message.split('\n')[0]).toBe(`${what} of '${path}' failed in the guest (${code})`)
      }),
    )
    expect((await guest.$`stat -c %s /t/bytes`).stdout).toBe('256')
    await expectTidy()
  })

  test('a full disk: ENOSPC, and the old file is unchanged', async () => {
    await guest.$`mount -t tmpfs -o size=1m none /small`
    await guest.writeFile('/small/file', 'old')
    const error = await failure(guest.writeFile('/small/file', Buffer.alloc(3_000_000, 1)))
    expect(error).toMatchObject({ name: 'CommandError', code: 'ENOSPC', path: '/small/file' })
    expect(error.message).toMatch(/The guest's disk, or the memory .* is full\.$/)
    expect((await guest.$`ls -A /small; cat /small/file`).stdout).toBe('file\nold')
    await writeFile(join(host, 'large'), Buffer.alloc(3_000_000, 1))
    const other = await failure(guest.upload(join(host, 'large'), '/small/other'))
    expect(other).toMatchObject({ name: 'CommandError', code: 'ENOSPC', path: '/small/other' })
    expect((await guest.$`ls -A /small`).stdout).toBe('file')
  })

  test.for([
    ['mode', { mode: 0o10000 }],
    ['mode', { mode: 'rwx' }],
    ['owner', { owner: 'a:b:c' }],
  ] as const)('a bad %s is refused: %o', async ([option, options]) => {
    expect(await failure(guest.writeFile('/t/refused', 'x', options))).toMatchObject({ name: 'GuestError', option })
  })
})

describe('upload and download', () => {
  test('a file gets its path, permissions and times, and replaces a file', async () => {
    const local = join(host, ODD)
    await writeFile(local, 'new')
    await chmod(local, 0o6751)
    await guest.writeFile(`/t/up ${ODD}`, 'old')
    await guest.upload(local, `/t/up ${ODD}`)
    const { mtimeMs } = await stat(local)
    expect((await guest.$`stat -c '%a %U:%G %Y' ${`/t/up ${ODD}`}`).stdout).toBe(
      `6751 root:root ${Math.floor(mtimeMs / 1000)}`,
    )
    await guest.download(`/t/up ${ODD}`, join(host, 'down'))
    expect(await readFile(join(host, 'down'), 'utf8')).toBe('new')
    expect((await stat(join(host, 'down'))).mode & 0o7777).toBe(0o751)
  })

  test('so does a large file, which is sent without an archive, even if the old one has other permissions', async () => {
    const bytes = Buffer.alloc(5_000_001, 'large and without holes ')
    const [from, to] = [join(host, `bare ${ODD}`), `/t/bare ${ODD}`]
    await writeFile(from, bytes, { mode: 0o751 })
    await utimes(from, 1_600_000_000, 1_500_000_000)
    await guest.$`echo old >${to}; chmod 600 ${to}; chown daemon ${to}; ln -s ${to} /t/to-bare`
    const told: TransferProgress[] = []
    await guest.upload(from, '/t/to-bare', { onProgress: (progress) => told.push(progress) })
    expect((await guest.$`stat -c '%s %a %U %Y' ${to}; readlink /t/to-bare`).stdout).toBe(
      `5000001 751 root 1500000000\n${to}`,
    )
    expect((await guest.$`sha256sum <${to}`).stdout.split(' ')[0]).toBe(
      createHash('sha256').update(bytes).digest('hex'),
    )
    expect(told.at(-1)).toEqual({ path: from, bytes: 5_000_001, totalBytes: 5_000_001 })
    expect(told.length).toBeGreaterThan(1)
    await expectTidy()
  })

  test('a large file that is truncated while it is sent is an error, and leaves nothing behind', async () => {
    const file = join(host, 'shrinking')
    await writeFile(file, Buffer.alloc(40_000_000, 'x'))
    const act = guest.upload(file, '/t/shrinking', { onProgress: () => truncateSync(file, 5_000_000) })
    expect(await failure(act)).toMatchObject({
      name: 'HostError',
      message: expect.stringMatching(
        /failed on the host[^]*shrank while it was read: only \d+ of 40000000 bytes/,
      ) as string,
    })
    expect((await guest.$`ls -d /t/shrinking || true`).stdout).toBe('')
    await expectTidy()
  })

  test('a folder of 300 files, both ways, with symlinks, an empty file and an empty folder', async () => {
    const tree = join(host, 'tree')
    await mkdir(join(tree, 'sub', 'empty folder'), { recursive: true })
    for (let n = 0; n < 300; n++) await writeFile(join(tree, n % 2 ? 'sub' : '.', `file ${n}`), `content ${n}`)
    await writeFile(join(tree, 'sub', 'none'), '')
    await writeFile(join(tree, ODD), 'odd')
    await symlink('sub/file 1', join(tree, 'link'))
    await symlink('/no/such', join(tree, 'dangling'))
    await chmod(join(tree, 'sub'), 0o750)
    await chmod(tree, 0o555)
    const told: TransferProgress[] = []
    await guest.upload(tree, '/t/tree', { onProgress: (progress) => told.push(progress) })
    expect(
      (await guest.$`find /t/tree -type f | tr -cd '/\n' | sort | uniq -c | tr -s ' '; stat -c %a /t/tree`).stdout,
    ).toMatch(/555$/)
    expect((await guest.$`readlink /t/tree/link /t/tree/dangling; stat -c '%a %U' /t/tree/sub`).stdout).toBe(
      'sub/file 1\n/no/such\n750 root',
    )
    expect(told.at(-1)).toMatchObject({ path: tree, bytes: told.at(-1)?.totalBytes })

    const back: TransferProgress[] = []
    await guest.download('/t/tree', join(host, 'back'), { onProgress: (progress) => back.push(progress) })
    const names = async (folder: string) => (await readdir(folder, { recursive: true })).sort()
    expect(await names(join(host, 'back'))).toEqual(await names(tree))
    expect(await names(tree)).toHaveLength(306)
    expect(await readFile(join(host, 'back', 'sub', 'file 299'), 'utf8')).toBe('content 299')
    expect(await readlink(join(host, 'back', 'link'))).toBe('sub/file 1')
    expect((await stat(join(host, 'back', 'sub', 'none'))).size).toBe(0)
    expect((await stat(join(host, 'back'))).mode & 0o777).toBe(0o555)
    expect(back.at(-1)).toMatchObject({ path: '/t/tree', bytes: back.at(-1)?.totalBytes })
    await chmod(tree, 0o755)
    await chmod(join(host, 'back'), 0o755)
    await expectTidy()
  })

  test('a folder is merged into a folder, which keeps its permissions and its links to folders', async () => {
    const tree = join(host, 'overlay')
    await mkdir(join(tree, 'lib'), { recursive: true })
    await writeFile(join(tree, 'lib', 'new'), 'new')
    await writeFile(join(tree, 'shared'), 'from the host')
    await guest.$`mkdir -m 711 /t/root /t/root/usr-lib && ln -s usr-lib /t/root/lib && echo old >/t/root/shared && echo old >/t/root/own`
    await guest.upload(tree, '/t/root/')
    expect((await guest.$`cd /t/root; readlink lib; stat -c %a . usr-lib; cat usr-lib/new shared own`).stdout).toBe(
      'usr-lib\n711\n711\nnewfrom the hostold',
    )
    await mkdir(join(host, 'merged', 'lib'), { recursive: true })
    await writeFile(join(host, 'merged', 'own'), 'mine')
    await writeFile(join(host, 'merged', 'lib', 'mine'), 'mine')
    await guest.download('/t/root/usr-lib', join(host, 'merged', 'lib'))
    expect((await readdir(join(host, 'merged', 'lib'))).sort()).toEqual(['mine', 'new'])
    expect(await readFile(join(host, 'merged', 'own'), 'utf8')).toBe('mine')
    await expectTidy()
  })

  test('a symlink given as the path is followed', async () => {
    await symlink('overlay', join(host, 'named'))
    await guest.upload(join(host, 'named'), '/t/named')
    await guest.$`test -f /t/named/shared && ln -s named /t/leads-to-named`
    await guest.download('/t/leads-to-named', join(host, 'followed'))
    expect((await lstat(join(host, 'followed'))).isDirectory()).toBe(true)
  })

  test('a sparse file stays sparse, both ways', async () => {
    const size = 2 * 1024 ** 3
    const file = await open(join(host, 'sparse'), 'w')
    await file.truncate(size)
    await file.write('in the middle', size / 2)
    await file.close()
    await guest.upload(join(host, 'sparse'), '/t/sparse')
    const [bytes, blocks] = (await guest.$`stat -c '%s %b' /t/sparse`).stdout.split(' ').map(Number)
    expect(bytes).toBe(size)
    expect(blocks).toBeLessThan(1000)
    await guest.download('/t/sparse', join(host, 'sparse back'))
    const back = await stat(join(host, 'sparse back'))
    expect(back.size).toBe(size)
    expect(back.blocks).toBeLessThan(1000)
    const read = await open(join(host, 'sparse back'))
    const { buffer } = await read.read(Buffer.alloc(13), 0, 13, size / 2)
    await read.close()
    expect(buffer.toString()).toBe('in the middle')
  })

  test('a failed upload or download says where, and leaves nothing behind', async () => {
    await Promise.all(
      (
        [
          ['CommandError', 'EISDIR', 'a file to a folder', () => guest.upload(join(host, 'large'), '/t')],
          ['CommandError', 'ENOTDIR', 'a folder to a file', () => guest.upload(join(host, 'overlay'), '/t/text')],
          ['CommandError', 'ENOENT', 'into no folder', () => guest.upload(join(host, 'large'), '/t/no/such')],
          ['CommandError', 'EISDIR', 'a large file to a folder', () => guest.upload(join(host, 'shrinking'), '/t')],
          [
            'CommandError',
            'ENOENT',
            'a large file into no folder',
            () => guest.upload(join(host, 'shrinking'), '/t/no/such'),
          ],
          ['CommandError', 'ENOENT', 'nothing', () => guest.download('/t/none', join(host, 'x'))],
          ['HostError', 'ENOENT', 'of nothing', () => guest.upload(join(host, 'none'), '/t/x')],
          ['HostError', 'ENOENT', 'to no folder', () => guest.download('/t/text', join(host, 'no', 'such'))],
          [
            'HostError',
            'EISDIR',
            'a file to a folder of the host',
            () => guest.download('/t/text', join(host, 'overlay')),
          ],
          [
            'HostError',
            'ENOTDIR',
            'a folder to a file of the host',
            () => guest.download('/t/root', join(host, 'large')),
          ],
        ] as const
      ).map(async ([name, code, what, act]) => {
        const error = await failure(act())
        expect(error, what).toMatchObject({ name, code, path: expect.any(String) as string })
        expect(error.message, what).toContain(name === 'HostError' ? 'failed on the host' : 'failed in the guest')
      }),
    )
    expect((await guest.$`ls -d /t/x || true`).stdout).toBe('')
    await expectTidy()
  })

  test('devices and special bits stay in the guest, and the root folder is not packed', async () => {
    await guest.$`mkdir /t/odd && mknod /t/odd/null c 1 3 && cp /bin/true /t/odd/true && chmod 6755 /t/odd/true`
    await guest.download('/t/odd', join(host, 'odd'))
    expect(await readdir(join(host, 'odd'))).toEqual(['true'])
    expect((await stat(join(host, 'odd', 'true'))).mode & 0o7777).toBe(0o755)
    expect((await failure(guest.download('/', join(host, 'x')))).message).toContain('/: Name a folder below it')
    await expectTidy()
  })

  test('a file of the kernel is downloaded whole, although its size is unknown', async () => {
    for (const path of ['/proc/cpuinfo', '/sys/class/net/lo/address']) {
      await guest.download(path, join(host, 'of the kernel'))
      expect(await readFile(join(host, 'of the kernel'), 'utf8')).toBe(await guest.readFile(path, 'utf8'))
    }
    await expectTidy()
  })

  test('a device or a pipe is neither replaced nor downloaded', async () => {
    await guest.$`mkfifo /t/pipe`
    for (const path of ['/dev/null', '/t/pipe']) {
      for (const act of [
        () => guest.upload(join(host, 'overlay', 'shared'), path),
        () => guest.upload(join(host, 'shrinking'), path),
        () => guest.upload(join(host, 'overlay'), path),
        () => guest.download(path, join(host, 'x')),
      ]) {
        expect((await failure(act())).message).toContain(`${path}: Not a regular file or folder`)
      }
    }
    expect((await guest.$`stat -c %F /dev/null /t/pipe`).stdout).toBe('character special file\nfifo')
    await expectTidy()
  })
})

test('sftp: the client of the guest', async () => {
  const session = await guest.sftp()
  const names = await new Promise((resolve, reject) => {
    session.readdir('/t/root', (error, list) => (error ? reject(error) : resolve(list.map(({ filename }) => filename))))
  })
  session.end()
  expect(names).toContain('own')
})
