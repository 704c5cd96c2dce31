import { existsSync } from 'node:fs'
import { isUbuntu } from './distribution.ts'
import { findTool, ISO_WRITERS, PACKAGE_OF, type Tool } from '../host/program/tools.ts'

const ALWAYS = [
  'qemu-system-x86_64', 'qemu-img', 'ip', 'unshare', 'nsenter', 'setpriv', 'mmdebstrap', 'mke2fs', 'tar',
] as const satisfies readonly Tool[] // prettier-ignore

const DEBIAN_KEYS = '/usr/share/keyrings/debian-archive-keyring.gpg'

/** The Debian packages, sorted, of everything that this host lacks for building the default image and booting it. */
export function missingPackages(): string[] {
  const packages = new Set<string>(
    ALWAYS.filter((tool) => findTool(tool) === undefined).map((tool) => PACKAGE_OF[tool]),
  )
  if (!ISO_WRITERS.some(findTool)) packages.add(PACKAGE_OF[ISO_WRITERS[0]])
  // Root needs no mapped user ids to unpack a Debian.
  if (process.getuid?.() !== 0 && findTool('newuidmap') === undefined) packages.add(PACKAGE_OF.newuidmap)
  // On Debian it is there always: apt depends on it.
  if (isUbuntu() && !existsSync(DEBIAN_KEYS)) packages.add('debian-archive-keyring')
  return [...packages].sort()
}
