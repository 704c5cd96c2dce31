import { requireTool } from '../../host/program/tools.ts'
import { statSync } from 'node:fs'
import { NetworkError } from '../../errors.ts'
import { isAlive } from '../../host/program/process-name.ts'
import type { Network } from '../network.ts'
import type { NetworkRecord } from '../network-record.ts'

/**
 * Runs a program and ends as it did, by exit code or signal. Unlike nsenter when it forks, it does not stop when the program is stopped:
 * nobody would reap the program then, and a PID namespace ends only after all its processes are reaped. A shell without job control waits
 * only for the end. Its own messages, such as `Killed`, are dropped; the program's stderr is passed through.
 */
const SCRIPT = `exec 8>&2 2>/dev/null
( exec "$@" 2>&8 8>&- )
code=$?
[ $code -gt 128 ] && kill -$((code - 128)) $$
exit $code`

/** The command line that runs another one in the namespaces of a keeper. Only child processes enter the PID namespace. */
export function entering(pid: number, user: boolean, command: readonly string[]): [string, ...string[]] {
  const which = [...(user ? ['--user', '--preserve-credentials'] : []), '--net', '--pid', '--no-fork']
  return [requireTool('nsenter'), '--target', `${pid}`, ...which, '--', '/bin/sh', '-c', SCRIPT, 'sh', ...command]
}

/** Makes command lines that run on a network of another process, from what the kernel knows of its keeper. @throws NetworkError */
export function lookInside({ kind, keeper }: Pick<NetworkRecord, 'kind' | 'keeper'>): Network['inside'] {
  const { pid } = keeper
  if (!isAlive(keeper) || statSync(`/proc/${pid}`).uid !== process.getuid?.()) {
    throw new NetworkError(`Its keeper, process ${pid}, is gone or belongs to another user`)
  }
  if (kind === 'private') return (command) => entering(pid, !isSame(pid, 'user'), command)
  if (!isSame(pid, 'net')) throw new NetworkError('It is in another network namespace')
  return ([file = '', ...args]) => [file, ...args]
}

function isSame(pid: number, namespace: 'user' | 'net'): boolean {
  return statSync(`/proc/${pid}/ns/${namespace}`).ino === statSync(`/proc/self/ns/${namespace}`).ino
}
