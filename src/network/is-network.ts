import type { Network } from './network.ts'

/** Whether it is an open network, and not the options of one, or something else that can be disposed of. */
export function isNetwork(value: unknown): value is Network {
  return typeof value === 'object' && value !== null && Symbol.asyncDispose in value && 'reserveFor' in value
}
