import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Client } from 'ssh2'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type CommandError, SshError } from '../../src/errors.ts'
import { download } from '../../src/ssh/files/download.ts'
import { exec } from '../../src/ssh/command/exec.ts'
import { readFile } from '../../src/ssh/files/read-file.ts'
import { spawn } from '../../src/ssh/command/spawn.ts'
import { writeFile } from '../../src/ssh/files/write-file.ts'
import { type GuestShell, logIn, startSshServer, type SshServer } from '../support/ssh-server.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

const shell: GuestShell = { program: '/bin/sh', env: process.env, startUp: '' }
let server: SshServer
let client: Client

beforeAll(async () => {
  server = await startSshServer(shell)
  client = await logIn(server)
})
afterAll(async () => {
  client.destroy()
  await server[Symbol.asyncDispose]()
})
afterEach(() => {
  shell.startUp = ''
})

const act = (path: string) => ({ what: `act on ${path}`, path, stallMs: 5000 })
const failure = (work: Promise<unknown>) => work.then(String, (error: unknown) => error as SshError)

describe('output of start-up files is not part of', () => {
  test.for(['echo hello; echo 267', 'printf hello', 'printf hello >&2', 'echo err >&2; echo out', 'printf "\\n\\n"'])(
    'a command: %s',
    async (startUp) => {
      shell.startUp = startUp
      expect(await exec(client, 'echo real; echo bad >&2')).toMatchObject({ stdout: 'real', stderr: 'bad' })
      expect(await exec(client, 'exit 3', { reject: false })).toMatchObject({ stdout: '', stderr: '', exitCode: 3 })
    },
  )

  test('a process, which has its own pid and can be killed', async () => {
    shell.startUp = 'echo 1; printf "some start" >&2'
    await using process = await spawn(client, 'echo $$; sleep 60; true')
    const [line] = (await once(process.stdout, 'data')) as [Buffer]
    expect(process.pid).toBe(Number(line))
    expect(process.pid).toBe(server.commands.at(-1)?.pid)
    expect(await process.kill()).toBe(true)
    expect(await process.exit).toMatchObject({ signal: 'SIGTERM' })
  })

  test('a time-out, which ends the group', async () => {
    shell.startUp = 'echo 267'
    const result = await exec(client, 'sleep 60; true', { timeout: 300, reject: false })
    expect(result).toMatchObject({ timedOut: true, stdout: '' })
    await expect.poll(() => server.commands[server.commands.length - 2]?.signalCode).toBe('SIGKILL')
  })

  test('files, either way', async () => {
    shell.startUp = 'echo hello; echo warning >&2; printf more'
    const folder = temporaryFolder()
    const [file, tree] = [join(folder, 'file'), join(folder, 'tree')]
    await writeFile(client, Buffer.from('content'), {}, act(file))
    expect(String(await readFile(client, 1000, act(file)))).toBe('content')
    mkdirSync(tree)
    writeFileSync(join(tree, 'inside'), 'inside')
    const told: unknown[] = []
    const onProgress = (progress: unknown) => told.push(progress)
    await download(client, join(folder, 'copy'), { onProgress, maxBytes: 1e6 }, act(tree))
    expect(told.at(-1)).toEqual({
      path: tree,
      bytes: expect.any(Number) as number,
      totalBytes: expect.any(Number) as number,
    })
    expect((told.at(-1) as { bytes: number }).bytes).toBeGreaterThan(0)
    const missing = await failure(readFile(client, 1000, act(join(folder, 'none'))))
    expect(missing).toMatchObject({ name: 'CommandError', code: 'ENOENT' })
    expect((missing as CommandError).stderr).toMatch(/^cat: .*: No such file or directory\n$/)
  })
})

describe('a shell that does not reach the command', () => {
  test('because its start-up files end it', async () => {
    shell.startUp = 'echo "no more" >&2; exit 0'
    for (const work of [
      () => exec(client, 'echo real'),
      () => exec(client, 'echo real', { reject: false }),
      () => spawn(client, 'echo real'),
      () => readFile(client, 1000, act('/etc/passwd')),
      () => writeFile(client, Buffer.from('x'), {}, act(join(temporaryFolder(), 'x'))),
    ]) {
      const error = (await failure(work())) as SshError
      expect(error).toBeInstanceOf(SshError)
      expect(error.message).toMatch(/^The guest's login shell exited before the command ran \(exit code 0\): /)
      expect(error.message).toMatch(/ {2}\| no more\nCheck the start-up files of root's shell/)
    }
  })

  test.for(['stdout', 'stderr'] as const)('because it floods us on %s before', { timeout: 15_000 }, async (stream) => {
    shell.startUp = `exec yes ${'x'.repeat(100)}${stream === 'stderr' ? ' >&2' : ''}`
    const startedAt = performance.now()
    const works = [() => readFile(client, 1000, act('/etc/passwd')), () => exec(client, 'true', { timeout: 4000 })]
    for (const work of works) {
      const error = (await failure(work())) as SshError
      expect(error).toBeInstanceOf(SshError)
      expect(error.message).toMatch(/^The guest's login shell wrote more than 1000000 bytes before the command ran: /)
    }
    expect(performance.now() - startedAt).toBeLessThan(12_000)
  })

  test('because it reports no process ID, or one that means all processes', async () => {
    // The mark is visible to anything that sees the command.
    for (const pid of ['1', '0', '-1', 'NaN', '9999999999', '']) {
      shell.startUp = `mark() { printf '%s\\n' "\${1%% *} ${pid}"; exec sleep 2; }\nalias echo=mark`
      const error = (await failure(exec(client, 'true', { timeout: 4000 }))) as SshError
      expect(error).toBeInstanceOf(SshError)
      expect(error.message).toMatch(/^The guest's login shell did not report its process ID: true/)
    }
  })
})
