import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { bootGuest, GuestError } from '../../src/index.ts'
import { copyDefaultTemplate } from '../support/default-template.ts'
import { commandLineOf, processIds } from '../support/processes.ts'

/** Milliseconds from QEMU's appearance to its kill; one of them is in the middle of a restore. */
const KILLS = [0, 40, 80, 160, 320, 640, 1280]
const WHILE_RESTORING = /^QEMU was killed by SIGKILL while it restored the guest/

let cache: string

beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'vg-killed-'))
  await copyDefaultTemplate(cache)
  process.env['VITEST_GUEST_CACHE'] = cache
})
afterAll(async () => {
  delete process.env['VITEST_GUEST_CACHE']
  await rm(cache, { recursive: true })
})

/** Kills the QEMU that restores a template of this cache, if there is one. */
async function killRestoring(after: number, over: AbortSignal): Promise<void> {
  while (!over.aborted) {
    const pid = processIds().find((id) => /^\S*qemu/.test(commandLineOf(id)) && commandLineOf(id).includes(cache))
    if (pid !== undefined) {
      await sleep(after)
      process.kill(pid, 'SIGKILL')
      return
    }
    await sleep(2)
  }
}

test('killing QEMU while it restores a template fails that start, and the template stays', async () => {
  // A rebuilt one has the same name.
  const templates = async () => {
    const names = (await readdir(join(cache, 'templates'))).filter((name) => !name.includes('.'))
    return Promise.all(names.map(async (name) => `${name} ${(await stat(join(cache, 'templates', name))).ino}`))
  }
  const before = await templates()
  expect(before).toHaveLength(1)
  const said: string[] = []
  const errors: string[] = []
  for (const after of KILLS) {
    const over = new AbortController()
    let killing: Promise<void> | undefined
    const starting = bootGuest({
      onProgress: (line) => said.push(line),
      onPhase: ({ name, durationMs }) => {
        if (name === 'restore' && durationMs === undefined) killing = killRestoring(after, over.signal)
      },
    })
    const error: unknown = await starting.then(
      async (guest) => guest[Symbol.asyncDispose](),
      (reason: unknown) => reason,
    )
    over.abort()
    await killing
    expect(error).toBeInstanceOf(GuestError)
    errors.push((error as Error).message)
    expect(await templates()).toEqual(before)
    if (WHILE_RESTORING.test((error as Error).message)) break
  }
  expect(errors).toContainEqual(expect.stringMatching(WHILE_RESTORING))
  await using guest = await bootGuest({ onProgress: (line) => said.push(line) })
  expect(guest.started).toBe('warm')
  expect(said).toEqual([])
})
