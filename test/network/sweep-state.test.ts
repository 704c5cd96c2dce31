import { existsSync, mkdirSync, readdirSync, utimesSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { beforeEach, expect, onTestFinished, test } from 'vitest'
import { sweepStateFolders } from '../../src/network/sweep-state.ts'
import { leftoversAfter, ownTemporaryFolder } from '../support/leftovers.ts'
import { openElsewhere, type Owner } from '../support/network-namespace.ts'
import { commandLineOf, processIds } from '../support/processes.ts'

let folder: string
beforeEach(async () => {
  const own = await ownTemporaryFolder()
  folder = own.path
  onTestFinished(() => own[Symbol.asyncDispose]())
})

async function open(kind: string): Promise<Owner> {
  const owner = await openElsewhere({ kind }, ([file = '', ...args]) => [file, ...args], { TMPDIR: folder })
  onTestFinished(() => owner[Symbol.asyncDispose]())
  return owner
}

/** By the beginnings of their command lines. */
function processesOf(stateFolder: string, program: RegExp): number[] {
  return processIds().filter((pid) => program.test(commandLineOf(pid)) && commandLineOf(pid).includes(stateFolder))
}

test.for(['private', 'user'])('the next start removes what a killed runner and keeper left: %s', async (kind) => {
  const alive = await open(kind)
  const dead = await open(kind)
  const stateFolder = dead.opened.stateFolder as string
  const keepers = processesOf(stateFolder, /^\S*node/)
  expect(keepers).toHaveLength(1)
  // It cannot notice that its keeper is gone.
  process.kill(dead.opened.pid as number, 'SIGSTOP')
  process.kill(keepers[0] as number, 'SIGKILL')
  await dead.kill('SIGKILL')
  expect(existsSync(join(stateFolder, 'keeper.sock'))).toBe(true)
  const next = await open(kind)
  const there = readdirSync(folder).map((name) => join(folder, name))
  expect(there.sort()).toEqual([alive.opened.stateFolder, next.opened.stateFolder].sort())
})

test('when unshare alone is killed, the runner removes the folder at once', async () => {
  const owner = await open('private')
  const stateFolder = owner.opened.stateFolder as string
  const unshare = processesOf(stateFolder, /^\S*unshare/)
  expect(unshare).toHaveLength(1)
  process.kill(unshare[0] as number, 'SIGKILL')
  await expect.poll(() => existsSync(stateFolder), { timeout: 20_000 }).toBe(false)
  await owner[Symbol.asyncDispose]()
  expect(await leftoversAfter(folder, 0)).toEqual([])
})

test('a stopped keeper is alive', async () => {
  const owner = await open('private')
  const stateFolder = owner.opened.stateFolder as string
  const [keeper] = processesOf(stateFolder, /^\S*node/)
  process.kill(keeper as number, 'SIGSTOP')
  await sweepStateFolders(folder)
  expect(existsSync(join(stateFolder, 'keeper.sock'))).toBe(true)
  process.kill(keeper as number, 'SIGCONT')
})

test('a new folder without a socket may be in the making; an old one is not', async () => {
  const infant = join(folder, 'vitest-guest-000000000001')
  mkdirSync(infant, { mode: 0o700 })
  await sweepStateFolders(folder)
  expect(existsSync(infant)).toBe(true)
  const before = Date.now() / 1000 - 90
  utimesSync(infant, before, before)
  await sweepStateFolders(folder)
  expect(existsSync(infant)).toBe(false)
})

test("other users' files are left alone", async () => {
  const others = ['vitest-guest-networks', 'vitest-guest-00000000000g', 'vitest-guest-0000000000000', 'other']
  for (const name of others) mkdirSync(join(folder, name), { mode: 0o700 })
  const open = join(folder, 'vitest-guest-000000000002')
  mkdirSync(open, { mode: 0o755 })
  const before = Date.now() / 1000 - 90
  for (const name of readdirSync(folder)) utimesSync(join(folder, name), before, before)
  const server = createServer()
  const live = join(folder, 'vitest-guest-000000000003')
  mkdirSync(live, { mode: 0o700 })
  await new Promise<void>((resolve) => server.listen(join(live, 'keeper.sock'), resolve))
  await sweepStateFolders(folder)
  expect(readdirSync(folder).sort()).toEqual(
    [...others, 'vitest-guest-000000000002', 'vitest-guest-000000000003'].sort(),
  )
  server.close()
})
