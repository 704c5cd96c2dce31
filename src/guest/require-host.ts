import { ISO_WRITERS, requireOneOf, requireTool } from '../host/tools.ts'
import { requireTun } from '../host/tun.ts'

/**
 * Everything a boot will need, asked for before anything slow starts: nobody should see an image being built for a
 * minute, only to read that a package is missing.
 * @throws HostError
 */
export async function requireHost(withNetwork: boolean): Promise<void> {
  for (const tool of ['qemu-system-x86_64', 'setpriv'] as const) requireTool(tool)
  requireOneOf(ISO_WRITERS)
  if (!withNetwork) return
  for (const tool of ['ip', 'unshare', 'nsenter'] as const) requireTool(tool)
  requireTun()
}
