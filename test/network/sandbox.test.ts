import { mkdtemp, open, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HostError } from '../../src/errors.ts'
import { runInSandbox } from '../../src/host/program/sandbox.ts'
import { ordinaryUser, type OrdinaryUser } from '../support/ordinary-user.ts'

const PERL = '/usr/bin/perl'
const PROGRAM = fileURLToPath(new URL('programs/run-in-sandbox.ts', import.meta.url))

/** What an attacker who has taken over a program would try; each line prints the result. */
const BREAK_OUT = String.raw`
$| = 1;
opendir(my $root, '/');
print 'root: ', join(' ', sort grep { !/^\./ } readdir $root), "\n";
print 'environment: ', join(' ', sort keys %ENV), "\n";
sub attempt { my ($what, $done) = @_; print "$what: ", ($done ? 'done' : 'refused'), "\n" }
attempt('make a file', open(my $made, '>', '/made'));
attempt('make a file above', open(my $above, '>', "../../../../$ARGV[0]"));
attempt('write to a library', open(my $library, '>>', '/lib64/ld-linux-x86-64.so.2'));
attempt('read a file of the host', open(my $passwd, '<', '../../../../etc/passwd'));
my ($lib, $device, $none, $tmpfs) = ('/lib', '/device', 'none', 'tmpfs');
attempt('chroot', syscall(161, $lib) == 0);
attempt('mount', syscall(165, $none, $lib, $tmpfs, 0, 0) == 0);
attempt('make a device node', syscall(133, $device, 0x2000 | 0666, 0x103) == 0);
attempt('make a user namespace', syscall(272, 0x10000000) == 0);
attempt('become root', syscall(105, 0) == 0);
attempt('end another process', kill(9, $ARGV[1]));
my $request = pack('a16x24', 'lo');
socket(my $socket, 2, 2, 0);
attempt('use a network', send($socket, 'x', 0, pack('SnC4x8', 2, 9, 127, 0, 0, 1)));
print 'end';
`

/** What it is allowed. */
const HELD = [
  'root: file lib lib64 script usr',
  'environment: LC_ALL',
  'make a file: refused',
  'make a file above: refused',
  'write to a library: refused',
  'read a file of the host: refused',
  'chroot: refused',
  'mount: refused',
  'make a device node: refused',
  'make a user namespace: refused',
  'become root: refused',
  'end another process: refused',
  'use a network: refused',
  'end',
]

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vg-sandbox-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

describe('a program that was taken over cannot do harm', () => {
  let user: OrdinaryUser
  beforeAll(async () => void (user = await ordinaryUser()))
  afterAll(() => user[Symbol.asyncDispose]())

  test.for(['whoever runs the tests', 'an ordinary user'])('started by %s', async (who) => {
    const ordinary = who === 'an ordinary user'
    const home = ordinary ? user.home : folder
    const files = { script: join(home, 'script'), file: join(home, 'file') }
    await writeFile(files.script, BREAK_OUT)
    await writeFile(files.file, 'mine')
    if (ordinary) await user.own(home)
    const words = [process.execPath, PROGRAM, JSON.stringify(files), join(home, 'above'), `${process.pid}`]
    const [file = '', ...args] = ordinary ? user.as(words) : words
    const { stdout } = await execa(file, args)
    expect(stdout.split('\n')).toEqual(HELD)
    await expect(stat(join(home, 'above'))).rejects.toThrow('ENOENT')
  })
})

test('it reads and writes the given files, up to the limit', async () => {
  const script = join(folder, 'writer')
  const file = join(folder, 'limited')
  await writeFile(script, `open(my $file, '>>', '/file'); print $file 'x' x 100000; close $file; print 'not reached';`)
  await writeFile(file, '')
  const writing = runInSandbox(PERL, ['/script'], { files: { script, file }, fileLimit: 5000 })
  const error = await writing.catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(HostError)
  // 128 and SIGXFSZ.
  expect(error).toMatchObject({
    message: expect.stringContaining('perl failed in its sandbox') as string,
    exitCode: 153,
  })
  expect(await readFile(file, 'utf8')).toBe('x'.repeat(5000))
})

test('its stdout goes to a file of ours, up to the limit', async () => {
  const script = join(folder, 'endless')
  await writeFile(script, `print 'y' x 1000 while 1`)
  await using file = await open(join(folder, 'out'), 'w')
  const writing = runInSandbox(PERL, ['/script'], { files: { script }, fileLimit: 7000, stdout: file.fd })
  await expect(writing).rejects.toMatchObject({ exitCode: 153 })
  expect((await file.stat()).size).toBe(7000)
})

test('an abort ends it with all that it started', async () => {
  const script = join(folder, 'sleeper')
  await writeFile(script, `fork; sleep 1000`)
  const signal = AbortSignal.timeout(2000)
  await expect(runInSandbox(PERL, ['/script'], { files: { script }, fileLimit: 1, signal })).rejects.toThrow(
    'aborted due to timeout',
  )
  const running = async () => (await execa('pgrep', ['-f', `${PERL} /script`], { reject: false })).stdout
  await expect.poll(running).toBe('')
})
