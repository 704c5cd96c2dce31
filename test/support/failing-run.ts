import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { expect, onTestFinished } from 'vitest'
import { leftovers, ownTemporaryFolder } from './leftovers.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const VITEST = join(ROOT, 'node_modules/vitest/vitest.mjs')
const CLI = join(ROOT, 'src/cli/main.ts')
const PROJECT = fileURLToPath(new URL('../contract/keep', import.meta.url))

/** Runs a suite, one of whose tests fails; what may be looked at after that, until the holder is ended. */
export async function failingRun(suite: string, pool: string) {
  const temporary = await ownTemporaryFolder()
  const cwd = await mkdtemp(join(tmpdir(), 'vg-keep-'))
  const env = { TMPDIR: temporary.path, NO_COLOR: '1' }
  const args = ['run', suite, '--root', PROJECT, '--pool', pool]
  const { all } = await execa(process.execPath, [VITEST, ...args], { cwd, env, reject: false, all: true })
  const kept = [...all.matchAll(/open a shell: npx vitest-guest ssh (\w+); end it: kill (\d+)/g)]
  const [, id = '', holder] = kept[0] ?? []
  onTestFinished(async () => {
    // Including those of tests that should not have failed.
    const holders = leftovers(temporary.path).length > 0 ? new Set(kept.map(([, , each]) => Number(each))) : []
    for (const each of holders) endHolder(each)
    await temporary[Symbol.asyncDispose]()
    await rm(cwd, { recursive: true, force: true })
  })
  expect(all).toMatch(/Tests +1 failed \| 1 passed/)
  return {
    folder: temporary.path,
    ask: async (command: string) => (await execa(process.execPath, [CLI, 'ssh', id, command], { env })).stdout,
    end: () => process.kill(Number(holder)),
  }
}

/** A holder that has ended already is gone. */
function endHolder(pid: number): void {
  try {
    process.kill(pid)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}
