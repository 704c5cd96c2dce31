import type { Socket } from 'node:net'
import { join } from 'node:path'
import {
  explainNamespaceFailure,
  namespaceFlags,
  NAMESPACES,
  needsUserNamespace,
} from '../../host/rights/namespaces.ts'
import { makeStateFolder, newStateFolder } from '../../host/files/state-folder.ts'
import { requireTool } from '../../host/program/tools.ts'
import { until } from '../../lifetime/until.ts'
import { entering } from '../inside/enter.ts'
import { notMade } from '../ip-commands.ts'
import { end, hold, type Keeper, keeperProgram, linesOf, spawnKeeper } from './keeper-process.ts'
import { KEEPER_SOCKET } from '../../host/files/state-names.ts'

/** A keeper that does not exit is killed after this long, in milliseconds. */
const LEAVE_BUDGET = 1000

export interface PrivateKeeper extends Keeper {
  /** Its other end is the keeper's, and breaks when the keeper goes: for what has to go then too. */
  readonly lifeline: Socket
}

/**
 * Node takes its time to start, so a shell goes before it in the same process and has ip(8) make what there is to be; then others can enter.
 * When the caller dies meanwhile, which is met as EPIPE, it removes the folder as the keeper would. /proc still belongs to the PID namespace
 * outside, so the first line names the process as the caller sees it.
 */
const SET_UP = `trap '' PIPE
ip=$1; folder=$2; shift 2
read -r pid rest </proc/self/stat && echo "$pid" && echo "$0" | "$ip" -batch - && echo up && exec "$@"
rm -rf -- "$folder"
exit 1`

/** The live keepers. An ordinary user's networks share one user namespace: only who rules both may move a card between them. */
const siblings = new Set<number>()

/**
 * Starts a keeper of a user, network and PID namespace. Programs can be run inside at once; dialing takes a moment longer (`ready`).
 * @param made the lines of ip(8) that make what it is to hold, and their purpose, as in `create bridge br0`
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
  makeStateFolder(folder)
  const lifeline = child.stdio[3].on('error', () => {})
  let isInside = false
  const explain = (stderr: string) => (isInside ? notMade(made.purpose) : explainNamespaceFailure(stderr))
  const lines = linesOf(child, explain)
  try {
    const pid = await until(signal, lines())
    isInside = true
    await until(signal, lines())
    siblings.add(Number(pid))
    child.once('close', () => siblings.delete(Number(pid)))
    const ready = lines().then(() => {})
    ready.catch(() => {})
    return {
      pid: Number(pid),
      lifeline,
      ready,
      folder,
      socketPath: join(folder, KEEPER_SOCKET),
      inside: (command) => entering(Number(pid), user, command),
      hold: (seconds) => hold(child.stdin, seconds),
      [Symbol.asyncDispose]: () => {
        siblings.delete(Number(pid))
        return end(child, folder, LEAVE_BUDGET)
      },
    }
  } catch (error) {
    await end(child, folder, LEAVE_BUDGET)
    throw error
  }
}
