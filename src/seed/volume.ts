import { chmod, mkdtemp, mkdir, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { run } from '../host/program/run.ts'
import { ISO_WRITERS, requireOneOf } from '../host/program/tools.ts'
import type { SeedInput } from './input.ts'
import { networkConfig } from './network-config.ts'
import { userData } from './user-data.ts'
import { toYaml } from './yaml.ts'

/** The label by which cloud-init's NoCloud finds the volume; the only other one is `cidata`. */
const LABEL = 'CIDATA'

/**
 * Writes the NoCloud volume to `path`, mode 0600 since it contains a private key. It is renamed into place when complete,
 * and nothing else is left behind.
 * @throws HostError when there is no ISO writer, or it fails.
 */
export async function writeSeed(input: SeedInput, path: string, signal?: AbortSignal): Promise<void> {
  signal?.throwIfAborted()
  const writer = requireOneOf(ISO_WRITERS)
  const folder = await mkdtemp(`${path}.`)
  try {
    const files = join(folder, 'files')
    const volume = join(folder, 'volume.iso')
    await mkdir(files)
    await writeFile(join(files, 'user-data'), userData(input))
    await writeFile(join(files, 'meta-data'), metaData(input))
    await writeFile(join(files, 'network-config'), networkConfig(input))
    await run(writer, writerArguments(writer, volume, files), { signal })
    await chmod(volume, 0o600)
    await rename(volume, path)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** The three programs share these options; Rock Ridge keeps the names as they are. */
function writerArguments(writer: string, volume: string, files: string): string[] {
  const emulation = writer.endsWith('xorriso') ? ['-as', 'mkisofs'] : []
  return [...emulation, '-quiet', '-output', volume, '-volid', LABEL, '-joliet', '-rock', files]
}

/**
 * `dsmode: local` lets cloud-init do the work of its init stage (files, users, keys) before the network is configured
 * rather than after: nothing of it needs a network here, and our networkd drop-in must be there before networkd reads
 * its files (cloudinit/cmd/main.py, 22.4).
 */
export function metaData({ instanceId, hostname }: SeedInput): string {
  return `${toYaml({ 'instance-id': instanceId, 'local-hostname': hostname, dsmode: 'local' })}\n`
}
