import { statSync } from 'node:fs'
import { recall, remember } from '../files/remembered-answer.ts'
import { run } from './run.ts'
import { requireTool } from './tools.ts'

const NAME = 'qemu-version'

/** QEMU's version, as it prints it; remembered for each QEMU of this host. */
export async function qemuVersion(signal?: AbortSignal): Promise<string> {
  const path = requireTool('qemu-system-x86_64')
  const { size, mtimeMs } = statSync(path)
  const key = [path, size, mtimeMs].join(' ')
  const known = recall(NAME, key)?.value
  if (known !== undefined) return known
  const [version = ''] = (await run(path, ['--version'], { signal })).split('\n')
  remember(NAME, { key, value: version })
  return version
}
