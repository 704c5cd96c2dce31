import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { runCli } from './support/node.ts'

test('--version prints the version of package.json', async () => {
  const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  expect(await runCli(['--version'])).toMatchObject({ exitCode: 0, stdout: version })
})

test('--help lists the commands, and each has its own', async () => {
  const { exitCode, stdout } = await runCli(['--help'])
  expect(exitCode).toBe(0)
  expect(stdout).toMatch(/^ {2}doctor .*\n {2}shell .*\n {2}ssh .*\n {2}run .*\n {2}connect /m)
  expect(await runCli(['connect', '--help'])).toMatchObject({
    exitCode: 0,
    stdout: expect.stringContaining('ProxyCommand') as string,
  })
})

test.each([
  [['dcotor'], "unknown command 'dcotor'; commands: doctor, shell, ssh, run, connect"],
  [['constructor'], "unknown command 'constructor'"],
  [['--quick'], "'--quick'"],
  [['doctor', '--quick'], "'--quick'"],
  [['shell', '--quick'], "'--quick'"],
  [['ssh', '--quick'], "'--quick'"],
  [['ssh', '--config'], "'--config'"],
  [['connect', '/tmp/socket'], 'usage: connect SOCKET HOST PORT'],
  [['connect', '/tmp/socket', 'host', 'ssh'], 'PORT must be a number; got ssh'],
])('%j is refused with exit code 2', async (args, message) => {
  const { exitCode, stdout, stderr } = await runCli(args)
  expect(exitCode).toBe(2)
  expect(stdout).toBe('')
  expect(stderr).toContain(`vitest-guest: `)
  expect(stderr).toContain(message)
  expect(stderr).toMatch(/See vitest-guest --help$/)
})

test('without arguments the help is printed to stderr', async () => {
  expect(await runCli([])).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining('Usage: vitest-guest') as string,
  })
})
