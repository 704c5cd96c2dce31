import { setTimeout as sleep } from 'node:timers/promises'
import { requireTool } from '../../host/program/tools.ts'
import type { Bridged } from '../bridged-network.ts'
import { runInside } from '../inside/run-inside.ts'
import { askNeighboursCommands } from '../ip-commands.ts'

/** Three questions, 100 ms apart, are all that an address gets; in milliseconds. */
const PATIENCE = 350

/** Asks on the bridge, by ARP, who has these addresses. @returns the MAC address of each that was answered for */
export async function askNeighbours(
  { ip, bridge, keeper }: Pick<Bridged, 'ip' | 'bridge' | 'keeper'>,
  addresses: readonly string[],
  signal?: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  await ip(askNeighboursCommands(bridge, addresses), signal)
  await sleep(PATIENCE, undefined, signal && { signal })
  const shown = await runInside(keeper, [requireTool('ip'), 'neighbour', 'show', 'dev', bridge], { signal })
  const found = parseNeighbours(shown)
  return new Map(addresses.flatMap((address) => (found.has(address) ? [[address, found.get(address) as string]] : [])))
}

/** What `ip neighbour show` says: who has answered, of late. */
function parseNeighbours(shown: string): Map<string, string> {
  const lines = [...shown.matchAll(/^(\S+) .*?\blladdr (\S+)(?!.*\b(?:FAILED|INCOMPLETE)\b)/gm)]
  return new Map(lines.map(([, address = '', mac = '']) => [address, mac]))
}
