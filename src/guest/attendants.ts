import type { Guest } from './guest.ts'

/** Is told of the guests of this process. */
export interface Attendant {
  /** A guest is ready; whoever started it waits for this. */
  started(guest: Guest): Promise<void>
  /** It is about to be disposed, which waits for this. */
  leaving(guest: Guest): Promise<void>
}

/** On `globalThis`, as a module may be loaded more than once. */
const KEY = Symbol.for('vitest-guest.attendants')

function attendants(): Set<Attendant> {
  const holder = globalThis as { [KEY]?: Set<Attendant> | undefined }
  return (holder[KEY] ??= new Set())
}

export function attend(attendant: Attendant): Disposable {
  attendants().add(attendant)
  return { [Symbol.dispose]: () => void attendants().delete(attendant) }
}

/** What goes wrong there does not keep a guest from being used, */
export async function announce(guest: Guest): Promise<void> {
  await Promise.allSettled([...attendants()].map((attendant) => attendant.started(guest)))
}

/** or from being disposed. */
export async function farewell(guest: Guest): Promise<void> {
  await Promise.allSettled([...attendants()].map((attendant) => attendant.leaving(guest)))
}
