import type { Socket } from 'node:net'
import { join } from 'node:path'
import { NetworkError } from '../../errors.ts'
import {
  explainNamespaceFailure,
  namespaceFlags,
  NAMESPACES,
  needsUserNamespace,
} from '../../host/rights/namespaces.ts'
import { newStateFolder } from '../../host/files/state-folder.ts'
import { requireTool } from '../../host/program/tools.ts'
import { until } from '../../lifetime/until.ts'
import { entering } from '../inside/enter.ts'
import { notMade } from '../ip-commands.ts'
import { end, hold, type Keeper, type KeeperChild, keeperProgram, linesOf, spawnKeeper } from './keeper-process.ts'
import { LIFELINE, tethered } from './lifeline.ts'
import { KEEPER_SOCKET } from '../../host/files/state-names.ts'

/** A keeper that does not exit is killed after this many milliseconds. On the host it may have to take down TAPs by sudo. */
const LEAVE_BUDGET = { private: 1000, unprivileged: 10_000 } as const

export interface PrivateKeeper extends Keeper {
  /** Closes when the keeper ends: for programs that have to end then too. */
  readonly lifeline: Socket
}

/**
 * Node takes a while to start, so a shell runs first in the same process and has ip(8) create bridge and TAP; then programs can enter. If the
 * caller dies meanwhile (EPIPE), the shell removes the folder as the keeper would. /proc still belongs to the outer PID namespace, so the
 * first line is the process id as the caller sees it.
 */
const SET_UP = `trap '' PIPE
ip=$1; folder=$2; shift 2
read -r pid rest </proc/self/stat && echo "$pid" && echo "$0" | "$ip" -batch - && echo up && exec "$@"
rm -rf -- "$folder"
exit 1`

/** The live keepers. An ordinary user's networks share one user namespace, because moving a card requires rights over both networks. */
const siblings = new Set<number>()

/**
 * Starts a keeper of a user, network and PID namespace. Programs can be run inside at once; dialing takes a moment longer (`ready`).
 * @param made the lines of ip(8) that create its interfaces, and their purpose, as in `create bridge br0`
 * @throws HostError when unshare, nsenter or ip is missing; NetworkError with the cause when the kernel refuses.
 */
export async function startKeeper(
  made: { readonly purpose: string; readonly commands: string },
  signal?: AbortSignal,
): Promise<PrivateKeeper> {
  const unshare = requireTool('unshare')
  const nsenter = requireTool('nsenter')
  const ip = requireTool('ip')
  const user = needsUserNamespace()
  const folder = newStateFolder()
  const program = ['/bin/sh', '-c', SET_UP, made.commands, ip, folder, ...keeperProgram(folder, 'private')]
  const sibling = user ? siblings.values().next().value : undefined
  const enterSibling = ['--target', `${sibling}`, '--user', '--preserve-credentials', '--', unshare, ...NAMESPACES]
  const makers = sibling === undefined ? [unshare, ...namespaceFlags()] : [nsenter, ...enterSibling]
  const child = spawnKeeper([...makers, '--', ...program], folder)
  let pid = 0
  let isInside = false
  const explain = (stderr: string) => (isInside ? notMade(made.purpose) : explainNamespaceFailure(stderr))
  const nextLine = linesOf(child, explain)
  const leave = () => {
    siblings.delete(pid)
    return end(child, folder, LEAVE_BUDGET.private)
  }
  return whenThere(child, folder, leave, async () => {
    pid = Number(await until(signal, nextLine()))
    isInside = true
    await until(signal, nextLine())
    siblings.add(pid)
    child.once('close', () => siblings.delete(pid))
    const ready = nextLine().then(() => {})
    ready.catch(() => {})
    return { pid, ready, inside: (command) => entering(pid, user, command) }
  })
}

/** Starts a keeper in the namespaces of this process, with a lifeline for what runs inside. @throws HostError; NetworkError */
export async function startUnprivilegedKeeper(
  kind: 'host' | 'user',
  rest: readonly string[] = [],
  signal?: AbortSignal,
): Promise<Keeper> {
  requireTool('setpriv')
  const folder = newStateFolder()
  const child = spawnKeeper(keeperProgram(folder, kind, ...rest), folder)
  const leave = async () => {
    let stderr = ''
    child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
    await end(child, folder, LEAVE_BUDGET.unprivileged)
    if (child.exitCode === 0 || stderr === '') return
    throw new NetworkError('The network could not be taken down', {
      stderr,
      hint: 'The next network to be opened tries again. `ip link show` shows what is left.',
    })
  }
  const explain = () => ({ message: "The network's keeper exited during start-up" })
  return whenThere(child, folder, leave, async () => {
    await until(signal, linesOf(child, explain)())
    const inside: Keeper['inside'] = (command) => tethered(join(folder, LIFELINE), command)
    return { pid: child.pid as number, ready: Promise.resolve(), inside }
  })
}

/** Resolves with the keeper once `begin` does; if that fails, the child ends. */
async function whenThere(
  child: KeeperChild,
  folder: string,
  leave: () => Promise<void>,
  begin: () => Promise<Pick<Keeper, 'pid' | 'ready' | 'inside'>>,
): Promise<PrivateKeeper> {
  const lifeline = child.stdio[3].on('error', () => {})
  try {
    return {
      ...(await begin()),
      lifeline,
      folder,
      socketPath: join(folder, KEEPER_SOCKET),
      hold: (seconds) => hold(child.stdin, seconds),
      [Symbol.asyncDispose]: leave,
    }
  } catch (error) {
    await leave().catch(() => {})
    throw error
  }
}
