import { GuestError } from '../../errors.ts'
import type { Guest } from '../guest.ts'

const REFUSED = ['snapshot', 'restore', 'keep'] as const

/** A guest that is to be frozen, without what would go with its machine, or keep it. */
export function forLayer(guest: Guest): Guest {
  const refuse = (name: string) => () => {
    throw new GuestError(`guest.${name}() is not available while a layer is prepared`, {
      hint: 'Use it in the tests, whose guests are clones of the layer.',
    })
  }
  return Object.assign(guest, Object.fromEntries(REFUSED.map((name) => [name, refuse(name)])))
}
