import { link, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bootGuest, CommandError, type Guest } from '../../src/index.ts'
import { expectNothingLeft, failure } from '../support/transfers.ts'

let guest: Guest
let host: string
const expectTidy = () => expectNothingLeft(guest, host)

beforeAll(async () => {
  host = await mkdtemp(join(tmpdir(), 'files-'))
  await mkdir(join(host, 'folder'))
  guest = await bootGuest()
  await guest.$`mkdir /t /t/folder /small`
})
afterAll(async () => {
  await guest[Symbol.asyncDispose]()
  await rm(host, { recursive: true, force: true })
})

test('an endless file is given up, and so is one of 5 TB', async () => {
  await guest.$`truncate --size=5T /t/endless`
  for (const act of [
    () => guest.readFile('/dev/zero', { maxBytes: 1_000_000 }),
    () => guest.readFile('/t/endless', { maxBytes: 1_000_000 }),
    () => guest.download('/t/endless', join(host, 'endless')),
  ]) {
    const error = await failure(act())
    expect(error).toMatchObject({ code: 'EFBIG' })
    expect(error.message).toMatch(/more than \d+ bytes[^]*Raise maxBytes if that much is intended\.$/)
  }
  expect(await readdir(host)).not.toContain('endless')
  expect((await guest.$`pgrep -x 'tar|cat' || true`).stdout).toBe('')
  await expectTidy()
})

test('a canceled transfer leaves nothing behind, on either side', async () => {
  // More than half a second's worth, even with KVM: ssh2 needs 2 to 3 s of processor time for both ends of that much.
  const size = 200_000_000
  await writeFile(join(host, 'huge'), Buffer.alloc(size, 'x'))
  await guest.$`fallocate --length ${size} /t/huge`
  await mkdir(join(host, 'of huge'))
  await link(join(host, 'huge'), join(host, 'of huge', 'huge'))
  for (const act of [
    (cancelSignal: AbortSignal) => guest.upload(join(host, 'huge'), '/t/canceled', { cancelSignal }),
    (cancelSignal: AbortSignal) => guest.upload(join(host, 'of huge'), '/t/canceled', { cancelSignal }),
    (cancelSignal: AbortSignal) => guest.writeFile('/t/canceled', Buffer.alloc(size), { cancelSignal }),
    (cancelSignal: AbortSignal) => guest.download('/t/huge', join(host, 'canceled'), { cancelSignal }),
  ]) {
    const caller = new AbortController()
    const transfer = failure(act(caller.signal))
    await sleep(500)
    caller.abort(new Error('enough'))
    const error = await transfer
    expect(error).toBeInstanceOf(CommandError)
    expect(error.message).toMatch(/was canceled$/)
    expect(error.cause).toMatchObject({ message: 'enough' })
    expect((await guest.$`ls -d /t/canceled || true`).stdout).toBe('')
    expect(await readdir(host)).not.toContain('canceled')
    await expectTidy()
  }
  expect((await guest.$`pgrep -x 'tar|cat' || true`).stdout).toBe('')
})

test.for([
  [
    'upload',
    'EACCES',
    // A complete archive that lacks a file.
    `/usr/bin/tar "$@"; echo 'tar: ./b: Cannot open: Permission denied' >&2; exit 2`,
    () => guest.upload(join(host, 'folder'), '/t/x'),
  ],
  [
    'download',
    'ENOSPC',
    `for last; do :; done; touch "\${last#*=}/half"; echo 'tar: half: Cannot write: No space left on device' >&2; exit 2`,
    () => guest.download('/t/folder', join(host, 'x')),
  ],
] as const)('when tar fails here, %s fails with %s and leaves nothing', async ([, code, script, act]) => {
  const { PATH } = process.env
  const tools = await mkdtemp(join(tmpdir(), 'tools-'))
  await writeFile(join(tools, 'tar'), `#!/bin/sh\n${script}\n`, { mode: 0o755 })
  process.env['PATH'] = `${tools}:${PATH}`
  const startedAt = performance.now()
  try {
    const error = await failure(act())
    expect(error).toMatchObject({ name: 'HostError', code, exitCode: 2 })
    // Less than the time limit for a program in the guest that does not report its end.
    expect(performance.now() - startedAt).toBeLessThan(9000)
  } finally {
    process.env['PATH'] = PATH
    await rm(tools, { recursive: true })
  }
  expect((await guest.$`ls -d /t/x || true`).stdout).toBe('')
  expect(await readdir(host)).not.toContain('x')
  await expectTidy()
})
