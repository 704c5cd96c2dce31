import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findTool, PACKAGE_OF, type Tool } from '../../src/host/program/tools.ts'

/** We do not run these, but our tools do. */
const OTHERS = ['sh', 'cat', 'sleep', 'true', 'chmod', 'mount', 'touch', 'flock', 'mkfifo', 'mknod'] as const

/**
 * A folder for PATH with links to every tool we use, except those in `without`, and with the scripts in `standIns` in
 * place of others.
 */
export async function toolPath({
  without = [],
  standIns = {},
}: {
  without?: readonly Tool[]
  standIns?: Partial<Record<Tool, string>>
}): Promise<AsyncDisposable & { path: string }> {
  const path = await mkdtemp(join(tmpdir(), 'vg-path-'))
  // For root's QEMU, which runs as another user.
  await chmod(path, 0o755)
  for (const tool of Object.keys(PACKAGE_OF) as Tool[]) {
    const target = findTool(tool)
    const standIn = standIns[tool]
    if (standIn !== undefined) await writeFile(join(path, tool), standIn, { mode: 0o755 })
    else if (target !== undefined && !without.includes(tool)) await symlink(target, join(path, tool))
  }
  for (const name of OTHERS) await symlink(`/bin/${name}`, join(path, name))
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true }) }
}
