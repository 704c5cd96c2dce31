import type { RegisteredNetwork } from './guest-registry.ts'

/** Whether it is an open network, and not the options of one, or something else that can be disposed of. */
export function isNetwork(value: unknown): value is RegisteredNetwork {
  return typeof value === 'object' && value !== null && 'reserveFor' in value && 'registry' in value
}
