import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { resolveImage } from '../../src/image/resolve-image.ts'
import { attemptBoot, type Attempt } from '../support/attempt-boot.ts'
import { makeGrubDisk } from '../support/grub-disk.ts'
import { ownInterfaces } from '../support/leftovers.ts'
import { asRoot } from '../support/sudo.ts'

/** Half of what a boot may take under emulation; without evidence each of these would take the whole. */
const EARLY = 300_000
/** From the abort to the error. */
const AT_ONCE = 10_000

let folder: string
let interfaces: string[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vg-bad-boot-'))
  interfaces = await ownInterfaces()
})
afterAll(() => rm(folder, { recursive: true, force: true }))

async function grubDisk(name: string, append: string): Promise<Attempt> {
  const disk = join(folder, name)
  const fileSystem = await kernelAlone(`${disk}.ext4`)
  await makeGrubDisk({ fileSystem, disk, append })
  return { options: { image: disk } }
}

/** A file system with the kernel and its initrd: as far as a boot gets that finds no root. */
async function kernelAlone(fileSystem: string): Promise<string> {
  const { direct } = await resolveImage({ base: 'debian-12', packages: [] }, {})
  const files = `${fileSystem}.files`
  await mkdir(files)
  await cp(direct?.kernel as string, join(files, 'vmlinuz'))
  await cp(direct?.initrd as string, join(files, 'initrd.img'))
  const env = { PATH: `${process.env['PATH']}:/usr/sbin:/sbin` }
  await execa('mke2fs', ['-q', '-t', 'ext4', '-L', 'vitest-guest', '-d', files, fileSystem, '64M'], { env })
  return fileSystem
}

interface Case {
  name: string
  attempt: () => Promise<Attempt> | Attempt
  error: string
  phase: string
  message: RegExp
  hint: RegExp
}

const CASES: Case[] = [
  {
    name: 'the kernel panics',
    attempt: () => ({ options: { cloudConfig: { bootcmd: ['echo c >/proc/sysrq-trigger'] } } }),
    error: 'BootError',
    phase: 'ssh banner',
    message: /^The guest's kernel panicked: sysrq triggered crash.*\nconsole:\n[^]*Kernel panic - not syncing/,
    hint: /broken image/,
  },
  {
    name: 'the initramfs drops to a shell',
    attempt: () => grubDisk('no-root', 'root=LABEL=nowhere rootdelay=1'),
    error: 'BootError',
    phase: 'ssh banner',
    message:
      /^The initramfs found no root file system and dropped to a shell: LABEL=nowhere does not exist[^]*console:/,
    hint: /root=/,
  },
  {
    name: 'the image has no sshd',
    attempt: () => ({ options: { cloudConfig: { bootcmd: ['rm /usr/sbin/sshd'] } } }),
    error: 'SshError',
    phase: 'ssh banner',
    message: /^The guest has finished booting, but no sshd answers on port 22/,
    hint: /openssh-server/,
  },
  {
    name: 'sshd refuses us',
    attempt: () => {
      const content = 'PubkeyAuthentication no\nPasswordAuthentication no\n'
      return { options: { cloudConfig: { write_files: [{ path: '/etc/ssh/sshd_config.d/00-closed.conf', content }] } } }
    },
    error: 'SshError',
    phase: 'ssh authentication',
    message: /refused/,
    hint: /./,
  },
  {
    name: 'the guest powers itself off',
    attempt: () => ({ options: { cloudConfig: { bootcmd: ['poweroff --force --force'] } } }),
    error: 'BootError',
    phase: 'ssh banner',
    message: /^The guest powered itself off while booting/,
    hint: /cloudConfig/,
  },
]

test.for(CASES)('$name: told from evidence, nothing left', async ({ attempt, error, phase, message, hint }) => {
  const outcome = await attemptBoot(await attempt())
  expect(outcome).toMatchObject({ name: error, message: expect.stringMatching(message) as string, phase })
  expect(outcome.hint).toMatch(hint)
  expect(outcome.message?.endsWith(outcome.hint as string)).toBe(true)
  expect(outcome.elapsedMs).toBeLessThan(EARLY)
  expect(outcome.left).toEqual([])
  expect(await ownInterfaces()).toEqual(interfaces)
})

test.for([
  ['cold', 'ssh banner'],
  ['cold', 'cloud-init'],
  ['warm', 'restore'],
  ['warm', 'ssh banner'],
  ['warm', 'ssh authentication'],
] as const)('%s, aborted in phase %s', async ([start, phase]) => {
  const outcome = await attemptBoot({ options: { start }, abortIn: phase })
  expect(outcome).toMatchObject({ name: 'Error', message: 'the test aborts', lastPhase: phase })
  expect(outcome.sincePhaseMs).toBeLessThan(AT_ONCE)
  expect(outcome.left).toEqual([])
})

test('the cache folder is full: an ImageError that says which, and no torso', async () => {
  const cache = join(folder, 'small')
  await mkdir(cache)
  const owner = `uid=${process.getuid?.()},gid=${process.getgid?.()},mode=0700`
  await asRoot(['mount', '-t', 'tmpfs', '-o', `size=64m,${owner}`, 'tmpfs', cache])
  try {
    const outcome = await attemptBoot({ env: { VITEST_GUEST_CACHE: cache } })
    expect(outcome).toMatchObject({ name: 'ImageError', message: expect.stringContaining(cache) as string })
    expect(outcome.hint).toMatch(/free|space|VITEST_GUEST_CACHE/i)
    expect(outcome.left).toEqual([])
    const { stdout } = await execa('find', [cache, '-type', 'f', '-size', '+100k'])
    expect(stdout).toBe('')
  } finally {
    await asRoot(['umount', cache])
  }
})
