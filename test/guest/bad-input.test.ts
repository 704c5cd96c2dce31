import { mkdtemp, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { attemptBoot, type Attempt, type Outcome } from '../support/attempt-boot/attempt-boot.ts'
import { ownInterfaces } from '../support/leftovers.ts'
import { toolPath } from '../support/tool-path.ts'
import { LIMITS } from '../support/time-limits.ts'

let folder: string
let interfaces: string[]

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vg-bad-'))
  interfaces = await ownInterfaces()
  await writeFile(join(folder, 'notes.txt'), 'Not a disk at all.\n'.repeat(200))
  await execa('qemu-img', ['create', '-q', '-f', 'raw', join(folder, 'base.raw'), '64M'])
  await execa(
    'qemu-img',
    ['create', '-q', '-f', 'qcow2', '-b', 'base.raw', '-F', 'raw', join(folder, 'orphan.qcow2')],
    { cwd: folder },
  )
  await rm(join(folder, 'base.raw'))
  await execa('qemu-img', ['create', '-q', '-f', 'qcow2', '-o', 'preallocation=full', join(folder, 'cut.qcow2'), '8M'])
  await truncate(join(folder, 'cut.qcow2'), 3 * 1024 * 1024)
})

afterAll(() => rm(folder, { recursive: true, force: true }))

interface Case {
  name: string
  attempt: () => Attempt | Promise<Attempt>
  error: string
  message: RegExp
  hint: RegExp
  also?: (outcome: Outcome) => void
}

const cleanUps: AsyncDisposable[] = []
afterAll(async () => {
  for (const each of cleanUps) await each[Symbol.asyncDispose]()
})

async function withTools(tools: Parameters<typeof toolPath>[0]): Promise<Attempt> {
  const made = await toolPath(tools)
  cleanUps.push(made)
  return { options: { accel: 'tcg' }, env: { PATH: made.path } }
}

/** Runs the rest of its arguments in a mount namespace in which a shell line has changed what is mounted. */
const onStage = (script: string, dropped: string) =>
  [
    'unshare',
    '--user',
    '--map-root-user',
    '--mount',
    'sh',
    '-c',
    `${script}; exec setpriv --bounding-set=${dropped} -- "$@"`,
    'sh',
  ] as const

/** `auto` would use another kind. */
const PRIVATE = { network: 'private' } as const

const CASES: Case[] = [
  // For the options of test/unit/option-messages.test.ts: nothing has started by then.
  {
    name: 'a bad option',
    attempt: () => ({ options: { memory: '12' } }),
    error: 'GuestError',
    message: /`memory` must be a size with its unit.*got '12'/,
    hint: /memory: '12M'/,
  },
  {
    name: 'QEMU is not on PATH',
    attempt: () => withTools({ without: ['qemu-system-x86_64'] }),
    error: 'HostError',
    message: /qemu-system-x86_64: not found/,
    hint: /apt-get install .*qemu-system-x86/,
  },
  {
    name: 'no ISO writer',
    attempt: () => withTools({ without: ['xorriso', 'genisoimage', 'mkisofs'] }),
    error: 'HostError',
    message: /xorriso, genisoimage, mkisofs: not found/,
    hint: /apt-get install .*xorriso/,
  },
  {
    name: 'QEMU exits at once',
    attempt: () =>
      withTools({ standIns: { 'qemu-system-x86_64': '#!/bin/sh\necho "stand-in: no such machine" >&2\nexit 3\n' } }),
    error: 'HostError',
    message: /QEMU exited before the guest started[^]*stand-in: no such machine/,
    hint: /doctor/,
    also: ({ stderr }) => expect(stderr).toContain('stand-in: no such machine'),
  },
  {
    name: '/dev/net/tun is missing',
    attempt: () => ({ options: PRIVATE, inside: onStage('mount -t tmpfs none /dev/net', '-dac_override') }),
    error: 'HostError',
    message: /\/dev\/net\/tun is missing/,
    hint: /modprobe tun/,
  },
  {
    name: '/dev/net/tun cannot be read',
    attempt: () => {
      const file = join(folder, 'tun')
      const script = `touch ${file} && chmod 000 ${file} && mount --bind ${file} /dev/net/tun`
      return { options: PRIVATE, inside: onStage(script, '-dac_override,-dac_read_search') }
    },
    error: 'HostError',
    message: /\/dev\/net\/tun cannot be read and written by this user \(EACCES\)/,
    hint: /chmod 0666 \/dev\/net\/tun/,
  },
  {
    name: 'user namespaces are forbidden',
    attempt: () => ({
      options: PRIVATE,
      inside: onStage('echo 0 > /proc/sys/user/max_user_namespaces', '-sys_admin,-net_admin'),
    }),
    error: 'NetworkError',
    message: /No namespace can be created for the network: user\.max_user_namespaces is 0/,
    hint: /sysctl -w user\.max_user_namespaces=/,
  },
  {
    name: 'the image is missing',
    attempt: () => ({ options: { image: join(folder, 'nowhere.qcow2') } }),
    error: 'ImageError',
    message: /^The image \S+nowhere\.qcow2 does not exist/,
    hint: /absolute path of a qcow2 or raw disk/,
  },
  {
    name: 'the image is a text file',
    attempt: () => ({ options: { image: join(folder, 'notes.txt') } }),
    error: 'ImageError',
    message: /^The image \S+notes\.txt is not a disk: it is a text file that starts with/,
    hint: /qcow2 or raw/,
  },
  {
    name: 'a truncated qcow2',
    attempt: () => ({ options: { image: join(folder, 'cut.qcow2') } }),
    error: 'ImageError',
    message: /^The image \S+cut\.qcow2 is damaged: it points beyond the end of the file/,
    hint: /truncated while it was being copied/,
  },
  {
    name: 'a qcow2 with a backing file',
    attempt: () => ({ options: { image: join(folder, 'orphan.qcow2') } }),
    error: 'ImageError',
    message: /^The image \S+orphan\.qcow2 has the backing file base\.raw on this host, which is refused/,
    hint: /backing: true/,
  },
]

test.concurrent.for(CASES)('$name', async ({ attempt, error, message, hint, also }) => {
  const outcome = await attemptBoot(await attempt())
  expect(outcome).toMatchObject({ name: error, message: expect.stringMatching(message) as string })
  expect(outcome.hint ?? '').toMatch(hint)
  if (outcome.hint !== undefined) expect(outcome.message?.endsWith(outcome.hint)).toBe(true)
  expect(outcome.elapsedMs).toBeLessThan(LIMITS.atOnce)
  expect(outcome.left).toEqual([])
  expect(await ownInterfaces()).toEqual(interfaces)
  also?.(outcome)
})
