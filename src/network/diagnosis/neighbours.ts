import { setTimeout as sleep } from 'node:timers/promises'
import { requireTool } from '../../host/program/tools.ts'
import type { Bridged } from '../bridged-network.ts'
import { runInside } from '../inside/run-inside.ts'
import { askNeighboursCommands } from '../ip-commands.ts'

/** Milliseconds: each address is asked for three times, 100 ms apart. */
const PATIENCE = 350

/** Asks on the bridge, by ARP, who has these addresses. @returns the MAC addresses of those that answered */
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

/** The neighbours that have answered, according to `ip neighbour show`. */
function parseNeighbours(shown: string): Map<string, string> {
  const lines = [...shown.matchAll(/^(\S+) .*?\blladdr (\S+)(?!.*\b(?:FAILED|INCOMPLETE)\b)/gm)]
  return new Map(lines.map(([, address = '', mac = '']) => [address, mac]))
}
