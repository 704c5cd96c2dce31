import { requireAdmin } from '../../host/rights/net-admin.ts'
import { ISO_WRITERS, requireOneOf, requireTool } from '../../host/program/tools.ts'
import { requireTun } from '../../host/rights/tun.ts'
import type { NetworkKind } from '../../options/network/network-options.ts'

/**
 * Everything a boot will need, asked for before anything slow starts: nobody should see an image being built for a
 * minute, only to read that a package is missing.
 * @param kind of the network to be opened; `auto` finds one for every host that has the rest
 * @throws HostError
 */
export async function requireHost(kind?: NetworkKind): Promise<void> {
  for (const tool of ['qemu-system-x86_64', 'setpriv'] as const) requireTool(tool)
  requireOneOf(ISO_WRITERS)
  if (kind === 'private') for (const tool of ['ip', 'unshare', 'nsenter'] as const) requireTool(tool)
  if (kind === 'host') await requireAdmin()
  if (kind === 'private' || kind === 'host') requireTun()
}
