import { accessSync, constants, statSync } from 'node:fs'
import { join } from 'node:path'
import { HostError } from '../../errors.ts'
import { searchPath } from '../environment.ts'

/** The host programs we start, with the Debian/Ubuntu package of each. */
export const PACKAGE_OF = {
  'qemu-system-x86_64': 'qemu-system-x86',
  'qemu-img': 'qemu-utils',
  ip: 'iproute2',
  tc: 'iproute2',
  unshare: 'util-linux',
  nsenter: 'util-linux',
  setpriv: 'util-linux',
  prlimit: 'util-linux',
  ldd: 'libc-bin',
  xorriso: 'xorriso',
  genisoimage: 'genisoimage',
  mkisofs: 'genisoimage',
  mmdebstrap: 'mmdebstrap',
  mke2fs: 'e2fsprogs',
  debugfs: 'e2fsprogs',
  e2fsck: 'e2fsprogs',
  journalctl: 'systemd',
  tar: 'tar',
  xz: 'xz-utils',
  gzip: 'gzip',
  zstd: 'zstd',
  du: 'coreutils',
  tee: 'coreutils',
  newuidmap: 'uidmap',
  dnsmasq: 'dnsmasq-base',
  slirp4netns: 'slirp4netns',
  nft: 'nftables',
} as const

export type Tool = keyof typeof PACKAGE_OF

/** Any of them will do; the first is the one to install. */
export const ISO_WRITERS = ['xorriso', 'genisoimage', 'mkisofs'] as const satisfies readonly Tool[]

/** The absolute path of a tool, or undefined. Not cached: it takes a few stat calls, and PATH may change. */
export function findTool(name: Tool): string | undefined {
  const folders = searchPath().split(':').filter(Boolean)
  return folders.map((folder) => join(folder, name)).find(isExecutable)
}

/** @throws HostError naming the package to install. */
export function requireTool(name: Tool): string {
  return requireOneOf([name])
}

/** The first of several equivalent tools that the host has. */
export function requireOneOf(names: readonly [Tool, ...Tool[]]): string {
  const path = names.map(findTool).find((found) => found !== undefined)
  if (path !== undefined) return path
  throw new HostError(`${names.join(', ')}: not found on PATH`, {
    command: names[0],
    hint: `Install it: sudo apt-get install ${PACKAGE_OF[names[0]]} (npx vitest-guest doctor shows everything that is missing)`,
  })
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return statSync(path).isFile()
  } catch {
    return false
  }
}
