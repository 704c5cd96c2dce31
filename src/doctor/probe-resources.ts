import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import type { Capability } from './capability.ts'
import { installCommand } from './missing-packages.ts'
import { cacheFolder, temporaryFolder } from '../host/environment.ts'
import { userName } from '../host/rights/user-name.ts'
import { isNodeNewEnough, LEAST_NODE, NEWER_NODE } from '../host/node-version.ts'
import { findTool, PACKAGE_OF } from '../host/program/tools.ts'

const MIB = 2 ** 20
/** The peak disk usage of building the default image, roughly. */
const BUILD_MIB = 3000
/** A guest of the default size, and its QEMU. */
const GUEST_MIB = 768

export function probeArchitecture(): Capability {
  const { arch, platform } = process
  const fine = { name: 'architecture', state: 'ok', found: `${platform} ${arch}`, means: 'same as the guests' } as const
  if (platform === 'linux' && arch === 'x64') return fine
  const means = 'guests are x86_64 Linux and need an x86_64 Linux host'
  return { ...fine, state: 'missing', means, fix: 'use an x86_64 Linux host' }
}

export function probeNode(): Capability {
  const found = process.versions.node
  const fine = { name: 'Node.js', state: 'ok', found, means: `${LEAST_NODE} or newer` } as const
  return isNodeNewEnough(found)
    ? fine
    : { ...fine, state: 'missing', means: `${fine.means} is needed`, fix: NEWER_NODE }
}

/** An ordinary user needs a range of user ids to unpack Debian, and the program that maps it. */
export function probeUserIds(): Capability {
  const name = 'user ids'
  const means = 'the default image is built without root'
  const unbuilt = 'the default image cannot be built by this user; a disk of your own still boots'
  if (process.getuid?.() === 0) return { name, state: 'ok', found: 'root', means: 'the default image is built as root' }
  const newuidmap = findTool('newuidmap')
  if (newuidmap === undefined) {
    const fix = installCommand([PACKAGE_OF.newuidmap])
    return { name, state: 'degraded', found: 'no newuidmap', means: unbuilt, fix }
  }
  const lacking = ['/etc/subuid', '/etc/subgid'].filter((path) => !hasRange(path))
  if (lacking.length === 0) return { name, state: 'ok', found: `${newuidmap}, /etc/subuid, /etc/subgid`, means }
  const fix = 'sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 "$USER"'
  return { name, state: 'degraded', found: `no range for this user in ${lacking.join(' and ')}`, means: unbuilt, fix }
}

/** Lines are `name or number:first:count` (subuid(5)). */
function hasRange(path: string): boolean {
  try {
    const owners = readFileSync(path, 'utf8').split('\n').map((line) => line.split(':')[0]) // prettier-ignore
    return owners.includes(userName() ?? '') || owners.includes(String(process.getuid?.()))
  } catch {
    return false
  }
}

export async function probeCache(): Promise<Capability> {
  const name = 'cache folder'
  const folder = cacheFolder()
  const there = nearestFolder(folder)
  if (!isWritable(there)) {
    const fix = 'export VITEST_GUEST_CACHE="$HOME/vitest-guest-cache"'
    return { name, state: 'missing', found: `${there} cannot be written`, means: 'images cannot be stored', fix }
  }
  const { bavail, bsize } = await statfs(there)
  const free = Math.floor((bavail * bsize) / MIB)
  const fine = { name, state: 'ok', found: `${size(free)} free in ${folder}`, means: 'stores images' } as const
  if (free >= BUILD_MIB) return fine
  const means = `building the default image needs about ${BUILD_MIB} MiB`
  return { ...fine, state: 'degraded', means, fix: 'export VITEST_GUEST_CACHE=/a/folder/with/more/room' }
}

export function probeMemory(): Capability {
  // Respects a container's limit.
  const free = Math.floor(process.availableMemory() / MIB)
  const means = `room for ${Math.floor(free / GUEST_MIB)} guests of 512M`
  const fine = { name: 'memory', state: 'ok', found: `${size(free)} available`, means } as const
  if (free >= GUEST_MIB) return fine
  const fix = "close other programs, or give guests less: memory: '256M'"
  return { ...fine, state: 'degraded', means: `a guest of the default size needs up to ${GUEST_MIB} MiB`, fix }
}

export function probeTemporaryFolder(): Capability {
  const name = 'temporary folder'
  const found = temporaryFolder()
  if (isWritable(found)) return { name, state: 'ok', found, means: 'holds the files of running guests' }
  const means = 'no guest can start'
  return { name, state: 'missing', found: `${found} cannot be written`, means, fix: 'export TMPDIR=/tmp' }
}

function size(mib: number): string {
  return mib < 10_240 ? `${mib} MiB` : `${Math.floor(mib / 1024)} GiB`
}

function nearestFolder(path: string): string {
  return existsSync(path) || path === dirname(path) ? path : nearestFolder(dirname(path))
}

function isWritable(folder: string): boolean {
  try {
    accessSync(folder, constants.W_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}
