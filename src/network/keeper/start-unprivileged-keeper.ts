import { join } from 'node:path'
import { NetworkError } from '../../errors.ts'
import { makeStateFolder, newStateFolder } from '../../host/files/state-folder.ts'
import { requireTool } from '../../host/program/tools.ts'
import { until } from '../../lifetime/until.ts'
import { end, hold, type Keeper, keeperProgram, linesOf, spawnKeeper } from './keeper-process.ts'
import { KEEPER_SOCKET } from '../../host/files/state-names.ts'
import { LIFELINE, tethered } from './lifeline.ts'

/** Milliseconds for taking down a bridge and its TAPs on a busy host, by sudo. */
const LEAVE_BUDGET = 10_000

const explain = () => ({ message: "The network's keeper exited during start-up" })

/** Starts a keeper in the namespaces of this process, with a lifeline for what runs inside. @throws HostError; NetworkError */
export async function startUnprivilegedKeeper(
  kind: 'host' | 'user',
  rest: readonly string[] = [],
  signal?: AbortSignal,
): Promise<Keeper> {
  requireTool('setpriv')
  const folder = newStateFolder()
  const child = spawnKeeper(keeperProgram(folder, kind, ...rest), folder)
  makeStateFolder(folder)
  const leave = async () => {
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    await end(child, folder, LEAVE_BUDGET)
    if (child.exitCode === 0 || stderr === '') return
    throw new NetworkError('The network could not be taken down', {
      stderr,
      hint: 'The next network to be opened tries again. `ip link show` shows what is left.',
    })
  }
  try {
    await until(signal, linesOf(child, explain)())
    return {
      pid: child.pid as number,
      ready: Promise.resolve(),
      folder,
      socketPath: join(folder, KEEPER_SOCKET),
      inside: (command) => tethered(join(folder, LIFELINE), command),
      hold: (seconds) => hold(child.stdin, seconds),
      [Symbol.asyncDispose]: leave,
    }
  } catch (error) {
    await leave().catch(() => {})
    throw error
  }
}
