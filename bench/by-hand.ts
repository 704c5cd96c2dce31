import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { namespaceFlags } from '../src/host/namespaces.ts'
import { run } from '../src/host/run.ts'
import { requireTool } from '../src/host/tools.ts'
import type { Image } from '../src/image/resolve-image.ts'

const SCRIPT = fileURLToPath(new URL('./by-hand.sh', import.meta.url))

/** Milliseconds of the recipe by hand, from its first command until OpenSSH runs `true` in the guest. */
export async function bootByHand({ disk, direct }: Image, accel: 'kvm' | 'tcg'): Promise<number> {
  if (!direct) throw new TypeError('The recipe boots a kernel directly')
  const folder = await mkdtemp(join(tmpdir(), 'by-hand-'))
  const command = [SCRIPT, folder, direct.kernel, direct.initrd, disk, accel, accel === 'kvm' ? 'host' : 'max']
  try {
    const startedAt = performance.now()
    // The namespaces are ours, so that the machine's own network stays as it is, and QEMU ends with the script.
    await run(requireTool('unshare'), [...namespaceFlags(), '--', ...command], { timeoutMs: 600_000 })
    return performance.now() - startedAt
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
