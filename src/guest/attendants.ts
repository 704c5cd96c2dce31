import { perProcess } from '../lifetime/per-process.ts'
import type { Guest } from './guest.ts'

export interface Attendant {
  /** A guest is ready; its start waits for this. */
  started?(guest: Guest): unknown
  /** A guest is about to be disposed of; its disposal waits for this. */
  leaving?(guest: Guest): unknown
  /** A layer could not be prepared, and its guest is about to go; that waits for this. */
  failed?(failure: LayerFailure): unknown
}

export interface LayerFailure {
  readonly guest: Guest
  readonly error: Error
  /** When its function began. */
  readonly since: Date
  /** The layer's name. */
  readonly what: string
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

export async function tellOfFailure(failure: LayerFailure): Promise<void> {
  await Promise.allSettled([...attendants].map(async (attendant) => attendant.failed?.(failure)))
}
