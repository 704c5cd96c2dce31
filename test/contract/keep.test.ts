import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { expect, test } from 'vitest'
import { leftovers, leftoversAfter, ownTemporaryFolder } from '../support/leftovers.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs')
const CLI = join(ROOT, 'src/cli/main.ts')
const PROJECT = fileURLToPath(new URL('keep', import.meta.url))

test.for(['forks', 'threads'])(
  "%s: keep: 'on-failure': the guest outlives the run, a command shows what the test left",
  async (pool) => {
    await using temporary = await ownTemporaryFolder()
    const cwd = await mkdtemp(join(tmpdir(), 'vg-keep-'))
    const env = { TMPDIR: temporary.path, NO_COLOR: '1' }
    let holder: number | undefined
    try {
      const { all } = await execa(process.execPath, [VITEST, 'run', '--root', PROJECT, '--pool', pool], {
        cwd,
        env,
        reject: false,
        all: true,
      })
      const [, id, pid] = /a shell in it: npx vitest-guest ssh (\w+); its end: kill (\d+)/.exec(all) ?? []
      expect(id, all).toBeDefined()
      holder = Number(pid)
      expect(leftovers(temporary.path)).not.toEqual([])
      // As if somebody came back to it.
      await sleep(1000)
      const seen = await execa(process.execPath, [CLI, 'ssh', id as string, 'cat /root/trace'], { env })
      expect(seen.stdout).toBe('found')
      process.kill(holder)
      holder = undefined
      expect(await leftoversAfter(temporary.path, 1000)).toEqual([])
    } finally {
      if (holder !== undefined) process.kill(holder)
      await rm(cwd, { recursive: true, force: true })
    }
  },
)
