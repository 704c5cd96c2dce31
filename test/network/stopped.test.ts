import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { leftoversAfter, ownTemporaryFolder, residentsOf } from '../support/leftovers.ts'
import { openElsewhere } from '../support/network-namespace.ts'
import { type OrdinaryUser, ordinaryUser } from '../support/ordinary-user.ts'
import { commandLineOf, processIds, statusOf } from '../support/processes.ts'

const isRoot = process.getuid?.() === 0
const users = isRoot ? (['root', 'an ordinary user'] as const) : (['an ordinary user'] as const)
const kinds = ['private', 'user'] as const
const cases = users.flatMap((user) => kinds.map((kind) => ({ user, kind })))

let somebody: OrdinaryUser
beforeAll(async () => (somebody = await ordinaryUser()))
afterAll(() => somebody[Symbol.asyncDispose]())

/** A process with a network that starts an empty machine on it. Returns QEMU's process id. */
async function machinesElsewhere(user: string, kind: string, folder: string) {
  if (user !== 'root') await somebody.own(folder)
  const as = (command: readonly string[]): [string, ...string[]] =>
    user === 'root' ? [command[0] ?? '', ...command.slice(1)] : somebody.as(command)
  const owner = await openElsewhere({ kind }, as, { TMPDIR: folder })
  const start = async () => {
    await owner.evaluate(`
    const { spawn } = await import('node:child_process')
    const words = ['setpriv', '--pdeathsig', 'KILL', '--', 'qemu-system-x86_64', '-name', '${folder}']
    const [file, ...args] = network.inside([...words, '-nodefaults', '-display', 'none', '-m', '16M'])
    globalThis.child = spawn(file, args, { stdio: 'ignore' })
    globalThis.gone = new Promise((resolve) => child.once('close', (...how) => resolve(how)))`)
    const isQemu = (pid: number) => /^qemu/.test(statusOf(pid, 'Name')) && commandLineOf(pid).includes(folder)
    await expect.poll(() => processIds().filter(isQemu), { timeout: 20_000 }).toHaveLength(1)
    return processIds().find(isQemu) as number
  }
  return { owner, start }
}

test.for(cases)(
  'as $user, a stopped QEMU can be ended, and ends with its killed runner ($kind)',
  async ({ user, kind }) => {
    await using folder = await ownTemporaryFolder()
    const { owner, start } = await machinesElsewhere(user, kind, folder.path)
    const ended = await start()
    process.kill(ended, 'SIGSTOP')
    // A wait for it would have ended by now.
    await sleep(300)
    process.kill(ended, 'SIGCONT')
    process.kill(ended, 'SIGKILL')
    const late = "new Promise((resolve) => setTimeout(resolve, 10_000, 'late'))"
    expect(await owner.evaluate(`return Promise.race([gone, ${late}])`)).toEqual([null, 'SIGKILL'])

    process.kill(await start(), 'SIGSTOP')
    await sleep(300)
    const residents = residentsOf(folder.path)
    await owner.kill('SIGKILL')
    expect(await leftoversAfter(folder.path, 10_000, { residents })).toEqual([])
  },
)
