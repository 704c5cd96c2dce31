import { chmod, mkdir, readdir, readFile, stat, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { octal, ownerOf } from '../../src/guest/files.ts'
import { putInPlace } from '../../src/host/files/put-in-place.ts'
import { codeIn, guestFileError, hostFileError } from '../../src/ssh/files/file-error.ts'
import { plainPath } from '../../src/ssh/files/file-scripts.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

test.for([
  [0o644, '644'],
  ['600', '600'],
  ['0755', '0755'],
  [0o4755, '4755'],
  [0, '0'],
  [undefined, undefined],
] as const)('mode %s is passed to chmod as %s', ([mode, digits]) => {
  expect(octal(mode)).toBe(digits)
})

test.for([0o10000, -1, 6.5, 'rw-r--r--', '888', ''])('mode %s is refused', (mode) => {
  expect(() => octal(mode)).toThrow(
    /^Option `mode` must be permissions, 0 to 0o7777; got .*\nWrite them as 0o644 or '644'\.$/,
  )
})

test('an owner is a user, with or without a group', () => {
  expect([ownerOf('www-data'), ownerOf('root:adm'), ownerOf('0:0'), ownerOf(undefined)]).toEqual([
    'www-data',
    'root:adm',
    '0:0',
    undefined,
  ])
  for (const owner of ['', ':', 'a b', 'a:b:c', '../x', 'root:']) {
    expect(() => ownerOf(owner), owner).toThrow(/^Option `owner` must be 'user' or 'user:group'/)
  }
})

test('a path is never taken for an option, and has no trailing slash', () => {
  expect(['/etc/', '/', '-rf', 'folder//', '/a b'].map((path) => plainPath(path, 'path'))).toEqual([
    '/etc',
    '/',
    './-rf',
    './folder',
    '/a b',
  ])
  expect(() => plainPath('', 'to')).toThrow("Option `to` must be a path; got ''")
})

test.for([
  ['cat: write error: No space left on device', 'ENOSPC'],
  ['tar: -: Wrote only 4096 of 10240 bytes', 'ENOSPC'],
  ['/proc/x: Is a directory', 'EISDIR'],
  ["mv: cannot overwrite directory '/a' with non-directory", 'EISDIR'],
  ["mv: cannot overwrite non-directory '/a' with directory", 'ENOTDIR'],
  ['cat: /nowhere: No such file or directory', 'ENOENT'],
  ["chown: invalid user: 'nobody-at-all'", 'EINVAL'],
  ['something else', undefined],
] as const)('%s: %s', ([stderr, code]) => {
  expect(codeIn(stderr)).toBe(code)
})

test('the errors say where and why it failed', () => {
  const full = guestFileError(
    { what: "write of '/a'", path: '/a' },
    {
      exitCode: 1,
      signal: undefined,
      stderr: 'No space left on device',
    },
  )
  expect(full).toMatchObject({ name: 'CommandError', path: '/a', code: 'ENOSPC', exitCode: 1 })
  expect(full.message).toMatch(
    /^write of '\/a' failed in the guest \(ENOSPC\)\n[^]*The guest's disk, or the memory .* is full/,
  )
  const cause = Object.assign(new Error('EACCES: permission denied'), { code: 'EACCES' })
  expect(hostFileError("upload of '/a' to '/b'", '/a', cause)).toMatchObject({
    name: 'HostError',
    message: expect.stringMatching(/^upload of '\/a' to '\/b' failed on the host \(EACCES\)/) as string,
    cause,
  })
})

test('putInPlace merges a folder into a folder: namesakes are replaced, the rest stays', async () => {
  const folder = temporaryFolder()
  const [from, to] = [join(folder, 'from'), join(folder, 'to')]
  await mkdir(join(from, 'sub/locked'), { recursive: true })
  await mkdir(join(to, 'sub'), { recursive: true })
  await writeFile(join(from, 'sub/both'), 'new')
  await writeFile(join(to, 'sub/both'), 'old')
  await writeFile(join(to, 'sub/stays'), 'stays')
  await writeFile(join(from, 'sub/locked/file'), 'inside')
  await symlink('both', join(from, 'sub/link'))
  await chmod(join(from, 'sub/locked'), 0o555)
  await putInPlace(from, to)
  expect((await readdir(join(to, 'sub'))).sort()).toEqual(['both', 'link', 'locked', 'stays'])
  expect(await readFile(join(to, 'sub/link'), 'utf8')).toBe('new')
  expect(await readFile(join(to, 'sub/locked/file'), 'utf8')).toBe('inside')
  expect((await stat(join(to, 'sub/locked'))).mode & 0o777).toBe(0o555)
  // Otherwise an ordinary user could not remove its folder.
  await chmod(join(to, 'sub/locked'), 0o755)
})

test('putInPlace does not replace a folder by a file, or a file by a folder', async () => {
  const folder = temporaryFolder()
  const [file, directory] = [join(folder, 'file'), join(folder, 'directory')]
  await writeFile(file, 'file')
  await mkdir(directory)
  await expect(putInPlace(file, directory)).rejects.toMatchObject({ code: 'EISDIR', path: directory })
  await expect(putInPlace(directory, file)).rejects.toMatchObject({ code: 'ENOTDIR', path: file })
  expect(await readFile(file, 'utf8')).toBe('file')
})
