import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bootGuest, type Guest } from '../../src/index.ts'

let guest: Guest
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rsync-'))
  guest = await bootGuest()
})
afterAll(async () => {
  await guest[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

test('rsync copies what has changed', async () => {
  const tree = join(folder, 'tree')
  await mkdir(join(tree, 'deep'), { recursive: true })
  await writeFile(join(tree, 'deep/one'), '1')
  await writeFile(join(tree, 'two'), '2')
  const there = await putRsyncInto(guest)
  const sync = async () => {
    const remote = ['-e', `ssh -F ${guest.sshConfig}`, '--rsync-path', there]
    const { stdout } = await execa('rsync', ['-a', '-i', ...remote, `${tree}/`, `${guest.id}:/srv/tree/`])
    return stdout.split('\n').filter((line) => line.startsWith('<f'))
  }
  expect(await sync()).toHaveLength(2)
  expect((await guest.$`cat /srv/tree/deep/one /srv/tree/two`).stdout).toBe('12')
  await writeFile(join(tree, 'two'), 'two')
  expect(await sync()).toEqual([expect.stringMatching(/two$/)])
  expect((await guest.$`cat /srv/tree/two`).stdout).toBe('two')
})

test('Ansible changes the guest', async () => {
  const settings = join(folder, 'ansible.cfg')
  await writeFile(settings, '')
  const change = 'path=/etc/by-ansible line=hello create=yes mode=0640'
  const { stdout } = await execa('ansible', ['all', '-i', `${guest.id},`, '-m', 'lineinfile', '-a', change], {
    env: {
      ANSIBLE_SSH_ARGS: `-F ${guest.sshConfig}`,
      // Saves two connections, and seven of the module's eight: each takes an emulated guest a second.
      ANSIBLE_PYTHON_INTERPRETER: '/usr/bin/python3',
      ANSIBLE_PIPELINING: '1',
      ANSIBLE_HOME: folder,
      ANSIBLE_LOCAL_TEMP: folder,
      ANSIBLE_CONFIG: settings,
      ANSIBLE_NOCOLOR: '1',
    },
  })
  expect(stdout).toContain(`${guest.id} | CHANGED`)
  expect((await guest.$`stat -c %a /etc/by-ansible && cat /etc/by-ansible`).stdout).toBe('640\nhello')
})

/** The host's rsync, with its libraries: an image with the package would take minutes to build. */
async function putRsyncInto(machine: Guest): Promise<string> {
  const program = (await execa('sh', ['-c', 'command -v rsync'])).stdout
  const { stdout } = await execa('ldd', [program])
  const libraries = [...stdout.matchAll(/(\/\S+) \(0x/g)].map(([, path = '']) => path)
  const box = join(folder, 'rsync')
  await mkdir(box)
  for (const path of [program, ...libraries]) await copyFile(path, join(box, basename(path)))
  await chmod(join(box, 'rsync'), 0o755)
  await execa('scp', ['-F', machine.sshConfig, '-r', box, `${machine.id}:/opt/rsync`])
  const loader = libraries.find((path) => /\/ld-linux/.test(path)) ?? ''
  return `/opt/rsync/${basename(loader)} --library-path /opt/rsync /opt/rsync/rsync`
}
