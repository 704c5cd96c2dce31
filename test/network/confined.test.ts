import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { leftoversAfter, ownTemporaryFolder } from '../support/leftovers.ts'
import { openElsewhere } from '../support/network-namespace.ts'
import { type OrdinaryUser, ordinaryUser } from '../support/ordinary-user.ts'
import { commandLineOf, environmentNamesOf, processIds, statusOf } from '../support/processes.ts'

const isRoot = process.getuid?.() === 0
const users = isRoot ? (['root', 'an ordinary user'] as const) : (['an ordinary user'] as const)
const cases = users.flatMap((user) => (['private', 'user'] as const).map((kind) => ({ user, kind })))
const source = (path: string) => JSON.stringify(new URL(`../../src/${path}`, import.meta.url).href)

let somebody: OrdinaryUser
beforeAll(async () => (somebody = await ordinaryUser()))
afterAll(() => somebody[Symbol.asyncDispose]())

/** Runs in the owner of a network: starts a machine on it, with nothing to boot from. */
const START = (folder: string) => `
  const { startMachine } = await import(${source('machine/start-machine.ts')})
  const { writeFileSync } = await import('node:fs')
  writeFileSync('${folder}/disk', Buffer.alloc(1024 * 1024), { mode: 0o600 })
  writeFileSync('${folder}/seed', Buffer.alloc(512), { mode: 0o600 })
  const [place] = network.attachments
  const card = { model: 'virtio-net-pci', macAddress: '52:54:00:00:00:01', netdev: place.netdev, monitor: place.monitor }
  globalThis.machine = await startMachine({
    name: 'nothing', accel: 'tcg', memoryMib: 16, cpus: 1,
    disk: { path: '${folder}/disk', format: 'raw' }, seed: '${folder}/seed', nics: [card],
    memoryFile: { path: '${folder}/memory', shared: true },
  }, { network })`

test.for(cases)('as $user, QEMU on a $kind network has no rights that it does not need', async ({ user, kind }) => {
  const folder = await ownTemporaryFolder()
  onTestFinished(() => folder[Symbol.asyncDispose]())
  if (user !== 'root') await somebody.own(folder.path)
  const as = (command: readonly string[]): [string, ...string[]] =>
    user === 'root' ? [command[0] ?? '', ...command.slice(1)] : somebody.as(command)
  const owner = await openElsewhere({ kind }, as, { TMPDIR: folder.path, SECRET_TOKEN: 'hidden' })
  onTestFinished(() => owner[Symbol.asyncDispose]())
  expect(await owner.evaluate(START(folder.path))).toBeUndefined()
  const isQemu = (pid: number) => /^qemu/.test(statusOf(pid, 'Name')) && commandLineOf(pid).includes(folder.path)
  const [qemu, ...more] = processIds().filter(isQemu)
  expect(more).toEqual([])
  const status = (name: string) => statusOf(qemu as number, name)

  expect(['CapInh', 'CapPrm', 'CapEff', 'CapAmb'].map(status)).toEqual(Array(4).fill('0'.repeat(16)))
  expect([status('NoNewPrivs'), status('Seccomp')]).toEqual(['1', '2'])
  // `PWD` is set by the shells in between.
  expect(
    environmentNamesOf(qemu as number)
      .filter((name) => name !== 'PWD' && name !== '_' && name !== 'OLDPWD')
      .sort(),
  ).toEqual(['LC_ALL', 'PATH', 'TMPDIR'])
  const uids = status('Uid').split(/\s+/)
  const groups = status('Groups').split(/\s+/).filter(Boolean)
  // Each line has the first id inside, the first id outside, and their number.
  const map = readFileSync(`/proc/${qemu}/uid_map`, 'utf8').trim().split(/\s+/)
  if (isRoot) expect(uids).not.toContain('0')
  if (user === 'root') {
    expect(map).toEqual([uids[0], uids[0], '1'])
    expect(groups).not.toContain('0')
  } else if (kind === 'private') expect(map.slice(1)).toEqual([uids[0], '1'])

  // It writes where it is allowed to.
  expect(
    await owner.evaluate(`
    const { screenshot } = await import(${source('machine/screenshot.ts')})
    const { capture } = await import(${source('machine/capture.ts')})
    const facts = { macAddress: '52:54:00:00:00:01', stateFolder: network.stateFolder }
    const capturing = await capture(machine.qmp, '${folder.path}/c.pcap', facts)
    await capturing[Symbol.asyncDispose]()
    return (await screenshot(machine.qmp, network.stateFolder)).toString('latin1', 1, 4)`),
  ).toBe('PNG')
  expect(statSync(join(folder.path, 'c.pcap')).size).toBe(24)

  // It cannot run any program, and is killed for trying.
  const marker = join(folder.path, 'marker')
  const ended = await owner.evaluate(`
    await machine.qmp.execute('migrate', { uri: 'exec:touch ${marker}; touch ${folder.path}/qemu/marker' }).catch(() => {})
    return (await machine.exited).signal`)
  expect(ended).toBe('SIGSYS')
  expect(existsSync(marker)).toBe(false)
  await owner.kill('SIGKILL')
  expect(await leftoversAfter(folder.path, 10_000)).toEqual([])
})
