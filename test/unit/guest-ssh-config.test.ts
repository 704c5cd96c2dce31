import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { sshConfig } from '../../src/guest/registry/ssh-config.ts'
import { temporaryFolder } from './support/temporary-folder.ts'

/** A folder whose name has characters that are special in ssh_config or a shell. */
const ODD = "it's 100%d $HOME"

function writeConfig(connector?: readonly string[]): string {
  const folder = join(temporaryFolder(), ODD)
  mkdirSync(folder)
  const file = join(folder, 'ssh_config')
  const facts = { id: 'bcdfgh', hostname: 'web', address: '192.168.100.224', socketPath: join(folder, 'keeper.sock') }
  const files = { keyFile: join(folder, 'client_key'), knownHostsFile: join(folder, 'known_hosts') }
  writeFileSync(file, sshConfig({ ...facts, ...files }, connector))
  return file
}

test.for(['bcdfgh', 'web', '192.168.100.224'])('OpenSSH reads it, for %s', async (name) => {
  const file = writeConfig()
  const { stdout } = await execa('ssh', ['-G', '-F', file, name])
  // OpenSSH shows some paths as written, with doubled percent signs.
  expect(stdout.replaceAll('%%', '%').split('\n')).toEqual(
    expect.arrayContaining([
      'hostname 192.168.100.224',
      'user root',
      'hostkeyalias bcdfgh',
      'stricthostkeychecking true',
      'identitiesonly yes',
      `userknownhostsfile ${file.replace('ssh_config', 'known_hosts')}`,
      `identityfile ${file.replace('ssh_config', 'client_key')}`,
    ]),
  )
})

test('its ProxyCommand is run with the words that it was made of', async () => {
  // It stays until ssh has sent its banner; otherwise ssh might find a broken pipe before reading anything.
  const show = 'printf "<%s>\\n" "$@"; head -c 1 >/dev/null'
  const file = writeConfig(['sh', '-c', show, 'sh', "an 'odd' $PATH"])
  // Its output is not an SSH banner; ssh shows what came instead.
  const { exitCode, stderr } = await execa('ssh', ['-v', '-F', file, 'web'], { reject: false })
  expect(exitCode).toBe(255)
  const words = ["an 'odd' $PATH", 'connect', join(file, '..', 'keeper.sock'), '192.168.100.224', '22']
  for (const word of words) expect(stderr).toContain(`<${word}>`)
})

test('a host that is not the guest learns nothing', async () => {
  const { stdout } = await execa('ssh', ['-G', '-F', writeConfig(), 'example.com'])
  expect(stdout).toContain('hostname example.com')
  expect(stdout).not.toMatch(/^proxycommand/m)
})
