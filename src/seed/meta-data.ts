import type { SeedInput } from './input.ts'
import { toYaml } from './yaml.ts'

/**
 * `dsmode: local` lets cloud-init do the work of its init stage (files, users, keys) before the network is configured
 * rather than after: nothing of it needs a network here, and our networkd drop-in must be there before networkd reads
 * its files (cloudinit/cmd/main.py, 22.4).
 */
export function metaData({ instanceId, hostname }: SeedInput): string {
  return `${toYaml({ 'instance-id': instanceId, 'local-hostname': hostname, dsmode: 'local' })}\n`
}
