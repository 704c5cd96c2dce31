import { perProcess } from '../lifetime/per-process.ts'
import type { Guest } from './guest.ts'

export interface Attendant {
  /** A guest is ready; its start waits for this. */
  started?(guest: Guest): unknown
  /** A guest is about to be disposed of; its disposal waits for this. */
  leaving?(guest: Guest): unknown
}

const attendants = perProcess('attendants', () => new Set<Attendant>())

export function attend(attendant: Attendant): Disposable {
  attendants.add(attendant)
  return { [Symbol.dispose]: () => void attendants.delete(attendant) }
}

/** An attendant's error prevents neither the use of a guest nor its disposal. */
export async function announce(guest: Guest): Promise<void> {
  await Promise.allSettled([...attendants].map(async (attendant) => attendant.started?.(guest)))
}

export async function farewell(guest: Guest): Promise<void> {
  await Promise.allSettled([...attendants].map(async (attendant) => attendant.leaving?.(guest)))
}
