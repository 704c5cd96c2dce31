import { existsSync, readFileSync } from 'node:fs'
import { findTool, ISO_WRITERS, PACKAGE_OF, type Tool } from '../host/program/tools.ts'

const ALWAYS = [
  'qemu-system-x86_64', 'qemu-img', 'ip', 'unshare', 'nsenter', 'setpriv', 'mmdebstrap', 'mke2fs', 'tar',
] as const satisfies readonly Tool[] // prettier-ignore

const DEBIAN_KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg'

/** The Debian packages, sorted, that this host lacks for building the default image and booting it. */
export function missingPackages(): string[] {
  const tools: Tool[] = ALWAYS.filter((tool) => findTool(tool) === undefined)
  if (!ISO_WRITERS.some(findTool)) tools.push(ISO_WRITERS[0])
  // Root needs no mapped user ids to unpack Debian.
  if (process.getuid?.() !== 0 && findTool('newuidmap') === undefined) tools.push('newuidmap')
  const packages: string[] = tools.map((tool) => PACKAGE_OF[tool])
  // On Debian, apt depends on it.
  if (distributions().includes('ubuntu') && !existsSync(DEBIAN_KEYS)) packages.push('debian-archive-keyring')
  return [...new Set(packages)].sort()
}

/** The command that installs these packages, which have Debian's names. */
export function installCommand(packages: readonly string[]): string {
  const names = packages.join(' ')
  if (!distributions().includes('debian')) return `install these packages, under your distribution's names: ${names}`
  const sudo = process.getuid?.() === 0 ? '' : 'sudo '
  return `${sudo}apt-get install --yes --no-install-recommends ${names}`
}

/** `ID` and `ID_LIKE` of os-release(5), e.g. `['ubuntu', 'debian']`. */
function distributions(): string[] {
  try {
    const text = readFileSync('/etc/os-release', 'utf8')
    return [...text.matchAll(/^(?:ID|ID_LIKE)="?([^"\n]*)"?$/gm)].flatMap(([, value = '']) => value.split(' '))
  } catch {
    return []
  }
}
