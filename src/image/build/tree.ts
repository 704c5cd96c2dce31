import { requireTool } from '../../host/program/tools.ts'
import { runAsRoot, type BuildStep } from './build-step.ts'

/** In the folder of an image without more packages: its root file system, for those with more. */
export const TREE = 'tree.tar.gz'

/** ping may have its right as an attribute, and journald's folder has access lists. */
const COMMON = ['--numeric-owner', '--acls', '--xattrs', '--xattrs-include=*']

/** Saves a root file system, but for the devices, which mmdebstrap makes anew. */
export async function packTree(root: string, tree: string, step: BuildStep): Promise<void> {
  const compress = `--use-compress-program=${requireTool('gzip')} -1`
  const what = ['--create', '--file', tree, compress, ...COMMON, '--exclude=./dev/*', '--directory', root, '.']
  await runAsRoot([requireTool('tar'), ...what], step)
}

/** @throws ImageError when it is damaged: gzip has a checksum */
export async function unpackTree(tree: string, root: string, step: BuildStep): Promise<void> {
  const decompress = `--use-compress-program=${requireTool('gzip')}`
  const how = ['--preserve-permissions', '--same-owner', ...COMMON, '--directory', root]
  await runAsRoot([requireTool('tar'), '--extract', '--file', tree, decompress, ...how], step)
}
