import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { bootGuest, type Guest } from '../../src/index.ts'
import { ownTemporaryFolder } from '../support/leftovers.ts'
import { runCli } from '../unit/support/node.ts'
import { LIMITS } from '../support/time-limits.ts'

const CLI = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url))

let guest: Guest
let folder: string

beforeAll(async () => {
  // Then the list contains no other guests.
  ;({ path: folder } = await ownTemporaryFolder())
  process.env['TMPDIR'] = folder
  guest = await bootGuest()
})

afterAll(async () => {
  await guest[Symbol.asyncDispose]()
  delete process.env['TMPDIR']
  await rm(folder, { recursive: true, force: true })
})

/** A program with the guest's ssh_config among its options, as OpenSSH takes it. */
const withConfig = (program: string, ...args: string[]) => execa(program, ['-F', guest.sshConfig, ...args])

test('ssh reaches the guest by its ID, hostname and address, as root, without a question', async () => {
  for (const name of [guest.id, guest.hostname, guest.address]) {
    const { stdout } = await withConfig('ssh', '-o', 'BatchMode=yes', name, 'id -un; hostname')
    expect(stdout).toBe('root\nguest')
  }
})

test('ssh also reaches it by a forwarded port, with a separate file that is removed with the forward', async () => {
  const forward = await guest.forward(22)
  expect(await readFile(forward.sshConfig, 'utf8')).not.toContain('ProxyCommand')
  for (const name of [guest.id, guest.address]) {
    const { stdout } = await execa('ssh', ['-F', forward.sshConfig, '-o', 'BatchMode=yes', name, 'hostname'])
    expect(stdout).toBe('guest')
  }
  await forward[Symbol.asyncDispose]()
  await expect(readFile(forward.sshConfig)).rejects.toThrow('ENOENT')
})

test('ssh refuses a guest with another host key', async () => {
  const other = join(folder, 'ssh_config')
  const known = join(folder, 'known_hosts')
  const [type, key = ''] = guest.credentials.hostPublicKey.split(' ')
  await writeFile(known, `${guest.id} ${type} ${key.slice(0, -6)}AAAAAA\n`)
  const text = await readFile(guest.sshConfig, 'utf8')
  await writeFile(other, text.replace(/UserKnownHostsFile .*/, `UserKnownHostsFile ${known}`))
  const { exitCode, stderr } = await execa('ssh', ['-F', other, guest.id, 'true'], { reject: false })
  expect(exitCode).toBe(255)
  expect(stderr).toContain('Host key verification failed')
})

test('scp brings a file in and out again', async () => {
  const bytes = Buffer.alloc(100_000, 'ab\0\xff\n', 'latin1')
  await writeFile(join(folder, 'sent'), bytes)
  await withConfig('scp', join(folder, 'sent'), `${guest.id}:/root/a file`)
  await withConfig('scp', `${guest.id}:/root/a file`, join(folder, 'fetched'))
  expect(bytes.equals(await readFile(join(folder, 'fetched')))).toBe(true)
})

test('vitest-guest ssh lists the running guests', async () => {
  const lines = String((await runCli(['ssh'])).stdout).split('\n')
  expect(lines).toEqual([
    expect.stringMatching(/^ID +HOSTNAME +ADDRESS +IMAGE +AGE +OF$/),
    expect.stringMatching(
      new RegExp(`^${guest.id}  guest .*192\\.168\\.100\\.224  debian-12 .*process ${process.pid}$`),
    ),
  ])
})

test('vitest-guest ssh runs a command: both streams, input, its options, and the exit code', async () => {
  const { stdout, stderr, exitCode } = await execa(
    process.execPath,
    [CLI, 'ssh', guest.id.slice(0, 5), 'cat; tty; cat /no/such >&2; ls', '--help', '>&2;', 'exit', '41'],
    { input: 'from here\n', reject: false },
  )
  expect({ stdout, exitCode }).toEqual({ stdout: 'from here\nnot a tty', exitCode: 41 })
  expect(stderr).toMatch(/^cat: \/no\/such.*\nUsage: ls/)
})

test("a command that a signal ended has a shell's exit code for that", async () => {
  expect(await runCli(['ssh', guest.id, 'kill -s TERM $$'])).toMatchObject({ exitCode: 143 })
})

test("vitest-guest run starts a program of this host on the guest's network", async () => {
  const { stdout, exitCode } = await runCli(['run', guest.id, '--', 'ping', '-c', '1', '-W', '20', guest.address])
  expect(stdout).toContain(`1 received`)
  expect(exitCode).toBe(0)
  expect(await runCli(['run', guest.id, 'sh', '-c', 'ip -brief link show br0; exit 41'])).toMatchObject({
    stdout: expect.stringMatching(/^br0 /) as string,
    exitCode: 41,
  })
  expect(await runCli(['run', guest.id])).toMatchObject({
    exitCode: 2,
    stderr: expect.stringMatching(/COMMAND/) as string,
  })
})

test('vitest-guest ssh --config prints the ssh_config; an unknown ID is an error that lists the guests', async () => {
  expect((await runCli(['ssh', '--config', guest.id])).stdout).toBe((await readFile(guest.sshConfig, 'utf8')).trimEnd())
  const { exitCode, stderr } = await runCli(['ssh', 'aaaaaa'])
  expect(exitCode).toBe(1)
  expect(stderr).toMatch(
    new RegExp(`^vitest-guest: There is no running guest 'aaaaaa'\nKnown running guests: .*${guest.id}`),
  )
})

test("a shell has a terminal of the window's size, also after a resize; its exit code is passed on", async () => {
  const terminal = openTerminal(['ssh', guest.id])
  await terminal.saw(/root@guest:~#/)
  await terminal.type('stty size; echo $TERM\n', /33 101\s+xterm-256color/)
  await terminal.resize(50, 120)
  // The resize and the input take different ways.
  await terminal.type('until [ "$(stty size)" = "50 120" ]; do sleep 0.2; done; echo size $((1 + 1))\n', /size 2/)
  // Ctrl-C goes to the guest. Changed output shows that the command runs: a shell about to run one may lose the signal.
  await terminal.type('sed -u s/1/2/\nline 1\n', /line 2/)
  // Input typed before the shell is back is discarded with the command.
  await terminal.type('\x03', /\^C[^]*root@guest:~#/)
  await terminal.type('echo still $((40 + 2))\n', /still 42/)
  expect(await terminal.exit(7)).toBe(7)
})

test('vitest-guest shell boots a guest of the given size, opens a shell, and passes on its exit code', async () => {
  // One guest at a time.
  await guest[Symbol.asyncDispose]()
  const terminal = openTerminal(['shell', '--image', 'debian-12', '--memory', '512M'])
  await terminal.saw(/root@guest:~#/)
  await terminal.type('stty size; echo $(($(grep -c MemTotal /proc/meminfo) + 1)) terminal\n', /33 101\s+2 terminal/)
  expect(await terminal.exit(9)).toBe(9)
  expect((await runCli(['ssh'])).stdout).toBe('No guests are running.')
})

/** Runs the command in a real pseudo-terminal of 33 rows and 101 columns. */
function openTerminal(args: readonly string[]) {
  const inside = `stty rows 33 cols 101; echo on $(tty); exec "${process.execPath}" "${CLI}" ${args.join(' ')}`
  const command = ['--quiet', '--return', '--flush', '--command', inside, '/dev/null']
  const child = spawn('script', command, { stdio: ['pipe', 'pipe', 'inherit'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let text = ''
  let device = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
    device ||= /on (\/dev\/pts\/\d+)/.exec(text)?.[1] ?? ''
  })
  const ended = once(child, 'exit') as Promise<[number]>
  const saw = async (pattern: RegExp) => {
    const end = AbortSignal.timeout(LIMITS.patient)
    while (!pattern.test(text)) {
      const more = once(child.stdout, 'data', { signal: end })
      await Promise.race([more, ended.then(() => Promise.reject(new Error('it ended')))]).catch((cause: unknown) => {
        throw new Error(`No ${pattern} in: ${text}`, { cause })
      })
    }
  }
  return {
    saw,
    type: async (keys: string, answer: RegExp) => {
      text = ''
      child.stdin.write(keys)
      await saw(answer)
    },
    resize: async (rows: number, cols: number) => {
      await execa('stty', ['-F', device, 'rows', `${rows}`, 'cols', `${cols}`])
    },
    exit: async (code: number) => {
      child.stdin.write(`exit ${code}\n`)
      return (await ended)[0]
    },
  }
}
