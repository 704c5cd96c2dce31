import { GuestError } from '../../errors.ts'
import type { GuestProcess } from '../../ssh/command/spawn.ts'
import type { Guest } from '../guest.ts'

const REFUSED = ['snapshot', 'restore', 'keep'] as const

/** A guest that is to be frozen, without what would go with its machine, or keep it. */
export function forLayer(guest: Guest): { readonly guest: Guest; endSpawned(): Promise<void> } {
  const refuse = (name: string) => () => {
    throw new GuestError(`guest.${name}() is not available while a layer is prepared`, {
      hint: 'Use it in the tests, whose guests are clones of the layer.',
    })
  }
  const { spawn } = guest
  const spawned: GuestProcess[] = []
  const own: Pick<Guest, 'spawn'> = {
    spawn: async (...args) => {
      const started = await spawn(...args)
      spawned.push(started)
      return started
    },
  }
  return {
    guest: Object.assign(guest, Object.fromEntries(REFUSED.map((name) => [name, refuse(name)])), own),
    // They would outlive their connection, and be in every clone with nobody to read what they write.
    endSpawned: async () => void (await Promise.all(spawned.map((each) => each[Symbol.asyncDispose]()))),
  }
}
