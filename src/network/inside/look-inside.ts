import { statSync } from 'node:fs'
import { NetworkError } from '../../errors.ts'
import { isAlive } from '../../host/program/process-name.ts'
import { entering } from './enter.ts'
import type { Network } from '../network.ts'
import type { NetworkRecord } from '../network-record.ts'

/**
 * What makes the command line that runs another one inside a network of another process of this user, from what the kernel says of
 * its keeper.
 * @throws NetworkError when it cannot be entered
 */
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
