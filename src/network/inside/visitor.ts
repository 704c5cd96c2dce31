import { NetworkError } from '../../errors.ts'
import type { Network } from '../network.ts'

let visitors = 0

/** A name for a TAP that moves from one private network to another, unique in both. */
export function visitorName(): string {
  return `via${visitors++}`
}

export function tooFar(home: Network['kind'], other: Network['kind']): NetworkError {
  return new NetworkError(`A guest on a ${home} network cannot have another card on a ${other} network`, {
    hint: "Open both with the same kind: kind: 'private'.",
  })
}
