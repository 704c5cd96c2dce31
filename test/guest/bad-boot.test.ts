import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { attemptBoot, type Attempt } from '../support/attempt-boot.ts'
import { breakImage, makeImageWithoutSystemd } from '../support/odd-image.ts'
import { ownInterfaces } from '../support/leftovers.ts'
import { asRoot } from '../support/sudo.ts'

/** Half of what a boot may take under emulation; without evidence each of these would take the whole. */
const EARLY = 300_000
/** A boot beside others is less work in all with one CPU. */
const ONE_CPU = { cpus: 1 }
/** From the abort to the error. */
const AT_ONCE = 10_000

let folder: string
let interfaces: string[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vg-bad-boot-'))
  interfaces = await ownInterfaces()
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Boots no further than the initramfs, which runs this script as it starts. */
async function broken(name: string, script: string): Promise<Attempt> {
  const cache = join(folder, name)
  await breakImage(cache, script)
  return { env: { VITEST_GUEST_CACHE: cache } }
}

interface Case {
  name: string
  attempt: () => Promise<Attempt> | Attempt
  error: string
  phase: string
  message: RegExp
  hint: RegExp
}

/** None of these is much work for the processor, so they take place at the same time. */
const AT_THE_SAME_TIME: Case[] = [
  {
    name: 'the kernel panics',
    attempt: () => broken('panic', 'echo c >/proc/sysrq-trigger'),
    error: 'BootError',
    phase: 'ssh banner',
    message: /^The guest's kernel panicked: sysrq triggered crash.*\nconsole:\n[^]*Kernel panic - not syncing/,
    hint: /broken image/,
  },
  {
    name: 'the initramfs drops to a shell',
    // Without drivers; it waits for half a minute.
    attempt: () => broken('no-root', 'echo >/conf/modules'),
    error: 'BootError',
    phase: 'ssh banner',
    message: /^The initramfs found no root file system and dropped to a shell: \/dev\/vda does not exist[^]*console:/,
    hint: /root=/,
  },
  {
    name: 'the guest powers itself off',
    attempt: () => broken('power-off', 'echo o >/proc/sysrq-trigger'),
    error: 'BootError',
    phase: 'ssh banner',
    message: /^The guest powered itself off while booting/,
    hint: /cloudConfig/,
  },
  {
    name: 'the image has no sshd',
    attempt: () => ({ options: { ...ONE_CPU, cloudConfig: { bootcmd: ['rm /usr/sbin/sshd'] } } }),
    error: 'SshError',
    phase: 'ssh banner',
    message: /^The guest has finished booting, but no sshd answers on port 22/,
    hint: /openssh-server/,
  },
]

const REFUSING: Case = {
  name: 'sshd refuses us',
  attempt: async () => {
    const cache = join(folder, 'refuses')
    await makeImageWithoutSystemd(cache)
    const content = 'PubkeyAuthentication no\nPasswordAuthentication no\n'
    const files = [{ path: '/etc/ssh/sshd_config.d/00-closed.conf', content }]
    return { options: { ...ONE_CPU, cloudConfig: { write_files: files } }, env: { VITEST_GUEST_CACHE: cache } }
  },
  error: 'SshError',
  phase: 'ssh authentication',
  message: /refused/,
  hint: /./,
}

async function expectEvidence({ attempt, error, phase, message, hint }: Case): Promise<void> {
  const outcome = await attemptBoot(await attempt())
  expect(outcome).toMatchObject({ name: error, message: expect.stringMatching(message) as string, phase })
  expect(outcome.hint).toMatch(hint)
  expect(outcome.message?.endsWith(outcome.hint as string)).toBe(true)
  expect(outcome.elapsedMs).toBeLessThan(EARLY)
  expect(outcome.left).toEqual([])
}

describe('told from evidence, nothing left', () => {
  afterAll(async () => expect(await ownInterfaces()).toEqual(interfaces))
  test.concurrent.for(AT_THE_SAME_TIME)('$name', expectEvidence)
  test.for([REFUSING])('$name', expectEvidence)
})

test.for([
  ['cold', 'ssh banner'],
  ['cold', 'cloud-init'],
  ['warm', 'restore'],
  ['warm', 'ssh banner'],
  ['warm', 'ssh authentication'],
] as const)('%s, aborted in phase %s', async ([start, phase]) => {
  const env: NodeJS.ProcessEnv = {}
  if (phase === 'cloud-init') {
    env['VITEST_GUEST_CACHE'] = join(folder, 'pending')
    // Its cloud-init never ends.
    await makeImageWithoutSystemd(env['VITEST_GUEST_CACHE'], 'mkdir /run/cloud-init')
  }
  const options = start === 'cold' ? { ...ONE_CPU, start } : { start }
  const outcome = await attemptBoot({ options, abortIn: phase, env })
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
