import { readFileSync } from 'node:fs'

/** Whether this process has a capability, by its number (capabilities(7)), in the user namespace that it is in. */
export function hasCapability(number: number): boolean {
  const effective = /^CapEff:\s*([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? '0'
  return (BigInt(`0x${effective}`) & (1n << BigInt(number))) !== 0n
}
