import type { Guest } from '../guest.ts'
import { whilePending } from './pending.ts'

/** Methods that can take long, other than waits and commands, which record themselves. */
const METHODS = [
  ...(['reconnect', 'connectSsh', 'snapshot', 'restore', 'reboot', 'powerOff', 'start'] as const),
  ...(['readFile', 'writeFile', 'upload', 'download', 'connect', 'fetch'] as const),
] satisfies (keyof Guest)[]

type Method = (this: void, ...args: unknown[]) => Promise<unknown>

/** Makes the guest record pending operations, for the evidence of a test that times out. */
export function notePending(guest: Guest): Guest {
  for (const name of METHODS) {
    const method = guest[name] as Method
    const noted: Method = (...args) =>
      whilePending(guest.id, `guest.${name}(${firstWord(args)})`, signalOf(args), () => method(...args))
    Object.assign(guest, { [name]: noted })
  }
  return guest
}

function firstWord([first]: readonly unknown[]): string {
  return typeof first === 'string' || typeof first === 'number' ? JSON.stringify(first) : ''
}

function signalOf(args: readonly unknown[]): AbortSignal | undefined {
  const signals = args.flatMap((each) => {
    if (each instanceof AbortSignal) return [each]
    const { signal, cancelSignal } = (each ?? {}) as { signal?: unknown; cancelSignal?: unknown }
    return [signal, cancelSignal].filter((found) => found instanceof AbortSignal)
  })
  return signals[0]
}
