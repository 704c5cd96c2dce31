import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runChild } from './run-child.mjs'
import { SetupError } from './setup-error.mjs'

/** Any one of these will do; we install the first. */
const ISO_WRITERS = ['xorriso', 'genisoimage', 'mkisofs']
/** Needed for its contents, not for a program: Debian's keys, which Ubuntu lacks. */
const KEYRING = { '/usr/share/keyrings/debian-archive-keyring.gpg': 'debian-archive-keyring' }

/**
 * What the tests need in addition: clients for guests and captures, GRUB and a partition table for a disk that boots by itself, and
 * sudo for an ordinary user.
 */
export const FOR_TESTS = {
  ssh: 'openssh-client',
  rsync: 'rsync',
  ansible: 'ansible-core',
  tcpdump: 'tcpdump',
  ping: 'iputils-ping',
  busybox: 'busybox',
  sudo: 'sudo',
  sfdisk: 'fdisk',
  'grub-mkimage': 'grub-common',
  '/usr/lib/grub/i386-pc/boot.img': 'grub-pc-bin',
}

/**
 * The Debian packages that are missing. The list is the one in src/host/program/tools.ts; it is read as text because this runs
 * on a Node that may be too old for TypeScript, before anything is installed.
 *
 * @param {string} root
 * @param {Record<string, string>} [more] program or absolute path -> package
 * @returns {string[]}
 */
export function missingSystemPackages(root, more = {}) {
  const needed = { ...packageOf(root), ...KEYRING, ...more }
  const hasIsoWriter = ISO_WRITERS.some(isPresent)
  const missing = Object.entries(needed)
    .filter(([name]) => (ISO_WRITERS.includes(name) ? name === ISO_WRITERS[0] && !hasIsoWriter : !isPresent(name)))
    .map(([, name]) => name)
  return [...new Set(missing)].sort()
}

/** @param {string} root @returns {Record<string, string>} */
export function packageOf(root) {
  const source = readFileSync(join(root, 'src/host/program/tools.ts'), 'utf8')
  const [, table] = /PACKAGE_OF = \{([^}]*)\}/.exec(source) ?? []
  if (table === undefined) throw new SetupError('scripts/setup: no PACKAGE_OF in src/host/program/tools.ts')
  const rows = [...table.matchAll(/^\s*'?([\w.-]+)'?: '([\w.+-]+)',/gm)]
  return Object.fromEntries(rows.map(([, tool, name]) => [tool, name]))
}

/**
 * How to run apt-get here: as root, or through sudo when it asks for no password.
 * @param {readonly string[]} packages for the message
 * @returns {{ file: string, prefix: string[] }}
 */
export function aptGet(packages) {
  const list = packages.join(' ')
  if (!findOnPath('apt-get')) {
    throw new SetupError(
      `Required programs are missing, and set-up cannot install them: there is no apt-get here (only Debian and Ubuntu are supported).\n` +
        `Install the equivalents of these Debian packages, then try again:\n  ${list}\nNothing was changed.`,
    )
  }
  const options = ['DEBIAN_FRONTEND=noninteractive', 'apt-get']
  if (process.getuid?.() === 0) return { file: 'env', prefix: options }
  if (findOnPath('sudo') && spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0) {
    return { file: 'sudo', prefix: ['-n', 'env', ...options] }
  }
  throw new SetupError(
    `System packages are missing, and this user is neither root nor allowed to use sudo without a password. Run\n` +
      `  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${list}\n` +
      `and try again. Nothing was changed.`,
  )
}

/**
 * @param {readonly string[]} packages
 * @param {(status: string) => void} say
 */
export async function installSystemPackages(packages, say) {
  const { file, prefix } = aptGet(packages)
  /** @param {string[]} args */
  const apt = async (args) => {
    // Progress is printed as `dlstatus:N:PERCENT:TEXT` and `pmstatus:PACKAGE:PERCENT:TEXT` among other output.
    const options = ['-o', 'APT::Status-Fd=1', '-o', 'DPkg::Lock::Timeout=300']
    const { code, signal, tail } = await runChild(file, [...prefix, ...options, ...args], {
      onLine: (line) => {
        const [kind, , percent] = line.split(':')
        if (kind === 'dlstatus') say(`downloading, ${Math.round(Number(percent))} %`)
        if (kind === 'pmstatus') say(`installing, ${Math.round(Number(percent))} %`)
      },
    })
    if (code === 0) return
    const output = tail.replace(/^(dl|pm)status:.*\n?/gm, '')
    throw new SetupError(`apt-get ${args[0]} failed (${signal ?? `exit code ${code}`}):\n${output}`, signal)
  }
  say('reading package lists')
  await apt(['update'])
  await apt(['install', '-y', '--no-install-recommends', ...packages])
}

/** @param {string} name program, or absolute path of a file */
function isPresent(name) {
  return name.startsWith('/') ? existsSync(name) : findOnPath(name, ['/usr/sbin', '/sbin'])
}

/** @param {string} program @param {string[]} [more] */
function findOnPath(program, more = []) {
  return [...(process.env['PATH'] ?? '').split(':'), ...more].filter(Boolean).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}
