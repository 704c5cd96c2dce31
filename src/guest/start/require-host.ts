import { requireAdmin } from '../../host/rights/net-admin.ts'
import { ISO_WRITERS, requireOneOf, requireTool } from '../../host/program/tools.ts'
import { requireTun } from '../../host/rights/tun.ts'
import type { NetworkKind } from '../../options/network/network-options.ts'

/** Checks what a boot will need before anything slow, such as an image build, starts. @throws HostError */
export async function requireHost(kind?: NetworkKind): Promise<void> {
  for (const tool of ['qemu-system-x86_64', 'setpriv'] as const) requireTool(tool)
  requireOneOf(ISO_WRITERS)
  if (kind === 'private') for (const tool of ['ip', 'unshare', 'nsenter'] as const) requireTool(tool)
  if (kind === 'host') await requireAdmin()
  if (kind === 'private' || kind === 'host') requireTun()
}
