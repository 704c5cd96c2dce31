import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { runChild } from './run-child.mjs'
import { SetupError } from './setup-error.mjs'

/** @typedef {{ version?: string, integrity?: string, optional?: boolean, peer?: boolean }} Locked */

/**
 * Whether node_modules is what package-lock.json says. npm writes what it installed to node_modules/.package-lock.json,
 * last of all: an interrupted install has none. Optional packages may be missing (other platforms).
 * @param {string} root
 */
export function nodePackagesMatch(root) {
  const wanted = readPackages(join(root, 'package-lock.json'))
  const installed = readPackages(join(root, 'node_modules/.package-lock.json'))
  if (!existsSync(join(root, 'node_modules/.bin/node'))) return false
  return Object.entries(wanted).every(([path, entry]) => {
    const found = installed[path]
    if (path === '') return true
    if (!found) return entry.optional === true
    return found.version === entry.version && found.integrity === entry.integrity
  })
}

/**
 * Installs the Node packages by the lock file. One of them is `node` itself: a Node that is new enough, whatever the
 * machine's, as node_modules/.bin/node.
 * @param {string} root
 */
export async function installNodePackages(root) {
  const { code, signal, tail } = await runChild('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    env: withoutOwnBin(root),
    onLine: () => {},
  })
  if (code === 0) return
  throw new SetupError(`npm ci failed (${signal ?? `exit code ${code}`}):\n${tail}`, signal)
}

/**
 * npm puts node_modules/.bin first on PATH. The npm that replaces node_modules must not run on the node inside of it.
 * @param {string} root
 */
function withoutOwnBin(root) {
  const own = join(root, 'node_modules/.bin')
  const path = (process.env['PATH'] ?? '').split(':').filter((folder) => folder !== own)
  return { ...process.env, PATH: path.join(':') }
}

/** @param {string} file @returns {Record<string, Locked>} */
function readPackages(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8')).packages
  } catch {
    return {}
  }
}
