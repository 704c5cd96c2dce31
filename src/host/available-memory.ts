import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'

const MIB = 1024 * 1024

/**
 * MiB that new processes can take without swapping: what the kernel estimates for the host (MemAvailable, proc(5)), or less
 * where a control group sets a limit (memory.max, Documentation/admin-guide/cgroup-v2.rst).
 * @param root the prefix of /proc and /sys
 */
export function availableMemoryMib(root = '/'): number {
  const hosts = Number(/^MemAvailable:\s*(\d+) kB$/m.exec(read(join(root, 'proc/meminfo')))?.[1] ?? Infinity) / 1024
  return Math.floor(Math.min(hosts, ...groupsOf(root).map(leftIn)))
}

/** The folders of our control group and its ancestors. */
function groupsOf(root: string): string[] {
  const mount = join(root, 'sys/fs/cgroup')
  const own = /^0::(.*)$/m.exec(read(join(root, 'proc/self/cgroup')))?.[1]
  if (own === undefined) return []
  const folders: string[] = []
  for (let folder = join(mount, own); folder.startsWith(mount); folder = dirname(folder)) folders.push(folder)
  return folders
}

/** MiB left under a group's own limit; inactive file pages count as free. */
function leftIn(folder: string): number {
  const limit = Number.parseInt(read(join(folder, 'memory.max')), 10)
  if (Number.isNaN(limit)) return Infinity
  const used = Number(read(join(folder, 'memory.current')))
  const inactive = Number(/^inactive_file (\d+)$/m.exec(read(join(folder, 'memory.stat')))?.[1] ?? 0)
  return (limit - used + inactive) / MIB
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
