import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { attemptBoot, type Attempt } from '../support/attempt-boot/attempt-boot.ts'
import { breakImage, makeImageWithoutSystemd } from '../support/odd-image/odd-image.ts'
import { ownInterfaces } from '../support/leftovers.ts'
import { ownCache } from '../support/own-cache.ts'
import { PHASES } from '../support/phases.ts'
import { asRoot } from '../support/sudo.ts'
import { LIMITS } from '../support/time-limits.ts'

/** Parallel boots are less work in total with one CPU each. */
const ONE_CPU = { cpus: 1 }

let folder: string
let interfaces: string[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vg-bad-boot-'))
  interfaces = await ownInterfaces()
})
afterAll(() => rm(folder, { recursive: true, force: true }))

/** Only boots the initramfs, which runs this script at its start. */
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
  /** What the console shows of it, if that is the only evidence. */
  evidence?: string
}

/** None of these needs much processor time, so they run in parallel. */
const AT_THE_SAME_TIME: Case[] = [
  {
    name: 'the kernel panics',
    attempt: () => broken('panic', 'echo c >/proc/sysrq-trigger'),
    error: 'BootError',
    phase: 'ssh banner',
    evidence: 'Kernel panic - not syncing',
    message: /^The guest's kernel panicked: sysrq triggered crash.*\nconsole:\n[^]*Kernel panic - not syncing/,
    hint: /broken image/,
  },
  {
    name: 'the initramfs drops to a shell',
    // Without drivers; it waits for half a minute.
    attempt: () => broken('no-root', 'echo >/conf/modules'),
    error: 'BootError',
    phase: 'ssh banner',
    evidence: 'ropping to a shell',
    message: /^The initramfs found no root file system and dropped to a shell: \/dev\/vda does not exist[^]*console:/,
    hint: /root=/,
  },
  {
    name: 'the guest powers itself off',
    attempt: () => broken('power-off', 'echo o >/proc/sysrq-trigger'),
    error: 'BootError',
    phase: 'ssh banner',
    evidence: 'reboot: Power down',
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
  message: /^The guest refused the login of root \(tried: /,
  hint: /sshd_config\.d/,
}

async function expectEvidence({ attempt, error, phase, message, hint, evidence }: Case): Promise<void> {
  const outcome = await attemptBoot({ ...(await attempt()), ...(evidence !== undefined && { evidence }) })
  expect(outcome).toMatchObject({ name: error, message: expect.stringMatching(message) as string, phase })
  expect(outcome.hint).toMatch(hint)
  expect(outcome.message?.endsWith(outcome.hint as string)).toBe(true)
  // Half of the time limit under emulation; without evidence each of these would take all of it.
  expect(outcome.elapsedMs).toBeLessThan(LIMITS.guest / 2)
  if (evidence !== undefined) expect(outcome.sinceEvidenceMs).toBeLessThan(LIMITS.atOnce)
  expect(outcome.left).toEqual([])
}

describe('told from evidence, nothing left', () => {
  afterAll(async () => expect(await ownInterfaces()).toEqual(interfaces))
  test.concurrent.for(AT_THE_SAME_TIME)('$name', expectEvidence)
  test.for([REFUSING])('$name', expectEvidence)
})

describe('aborted', () => {
  let pending: string
  let quick: string

  beforeAll(async () => {
    pending = join(folder, 'pending')
    // Its cloud-init never ends.
    await makeImageWithoutSystemd(pending, 'mkdir /run/cloud-init')
    quick = join(folder, 'quick')
    await makeImageWithoutSystemd(quick)
  })

  async function abort(attempt: Attempt & { abortIn: string }): Promise<void> {
    const outcome = await attemptBoot(attempt)
    // No later phase has begun.
    expect(outcome).toMatchObject({ name: 'Error', message: 'the test aborts', lastPhase: attempt.abortIn })
    expect(outcome.sincePhaseMs).toBeLessThan(LIMITS.atOnce + (attempt.after ?? 0))
    expect(outcome.left).toEqual([])
  }

  test.concurrent.for(PHASES.cold)('cold, as phase %s begins', async (phase) => {
    // The last ones come after a boot.
    const isLate = ['ssh authentication', 'cloud-init'].includes(phase)
    const cache = isLate ? pending : phase === 'clock' ? quick : undefined
    await abort({ options: ONE_CPU, abortIn: phase, env: cache === undefined ? {} : { VITEST_GUEST_CACHE: cache } })
  })

  test.concurrent.for([
    ['ssh banner', 2000],
    ['cloud-init', 500],
  ] as const)('cold, in the middle of phase %s', async ([phase, after]) => {
    await abort({ options: ONE_CPU, abortIn: phase, after, env: { VITEST_GUEST_CACHE: pending } })
  })

  test.for(PHASES.warm)('warm, as phase %s begins', (phase) => abort({ options: { start: 'warm' }, abortIn: phase }))

  test.for([
    ['restore', 50],
    ['ssh banner', 50],
    ['ssh authentication', 100],
  ] as const)('warm, in the middle of phase %s', ([phase, after]) =>
    abort({ options: { start: 'warm' }, abortIn: phase, after }),
  )

  test('while a template is built: nothing of it stays', async () => {
    await using cache = await ownCache()
    const env = { VITEST_GUEST_CACHE: cache.path }
    await abort({ options: { start: 'warm' }, abortIn: 'template', after: 3000, env })
    expect(await readdir(cache.templates)).toEqual([expect.stringMatching(/^[0-9a-f]{32}\.lock$/)])
  })

  test('while an image is built: nothing of it stays', async () => {
    const cache = join(folder, 'no-images')
    await abort({ abortIn: 'image', after: 4000, env: { VITEST_GUEST_CACHE: cache } })
    expect(await readdir(join(cache, 'images'))).toEqual(['.lock'])
  })
})

describe('the cache folder is full', () => {
  /** Tries it with an empty cache of so many megabytes, and checks that nothing of an image remains. */
  async function attemptIn(megabytes: number, meanwhile: (cache: string) => Promise<void> = async () => {}) {
    const cache = join(folder, `small-${megabytes}`)
    await mkdir(cache)
    const owner = `uid=${process.getuid?.()},gid=${process.getgid?.()},mode=0700`
    await asRoot(['mount', '-t', 'tmpfs', '-o', `size=${megabytes}m,${owner}`, 'tmpfs', cache])
    try {
      const attempt = attemptBoot({ env: { VITEST_GUEST_CACHE: cache } })
      const [outcome] = await Promise.all([attempt, Promise.race([meanwhile(cache), attempt])])
      const { stdout } = await execa('find', [cache, '-type', 'f', '-not', '-name', 'others', '-not', '-name', '.lock'])
      expect(stdout).toBe('')
      expect(outcome.left).toEqual([])
      expect(outcome.hint).toMatch(/Free some space there, or set VITEST_GUEST_CACHE/)
      return { ...outcome, cache }
    } finally {
      await asRoot(['umount', cache])
    }
  }

  test('from the beginning: told before anything is built', async () => {
    const { name, message, elapsedMs, cache } = await attemptIn(64)
    expect({ name, message }).toEqual({
      name: 'ImageError',
      message: expect.stringContaining(`No space to build the image debian-12: ${cache}`) as string,
    })
    expect(message).toContain('has 0.1 GB free, but 1.5 GB is needed')
    expect(elapsedMs).toBeLessThan(LIMITS.atOnce)
  })

  test('in the middle of the build', async () => {
    const { name, message, cache } = await attemptIn(1700, async (folder) => {
      const images = join(folder, 'images')
      // Packages are being unpacked.
      const megabytes = async () => parseInt((await execa('du', ['-sm', images], { reject: false })).stdout || '0')
      for (let looks = 0; looks < 300 && (await megabytes()) < 2; looks++) await sleep(200)
      // Until the disk is full.
      await execa('dd', ['if=/dev/zero', `of=${join(folder, 'others')}`, 'bs=1M'], { reject: false })
    })
    expect({ name, message }).toEqual({
      name: 'ImageError',
      message: expect.stringContaining(`No space to build the image debian-12: ${cache}`) as string,
    })
    expect(message).toContain('is full')
  })
})
