import { createHash } from 'node:crypto'
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runChild } from './run-child.mjs'
import { SetupError } from './setup-error.mjs'

/** Among the caches in node_modules, so that it is neither packed nor committed. */
const STAMP = 'node_modules/.cache/vitest-guest/dist'

/** @param {string} root */
export function distIsCurrent(root) {
  const stamp = join(root, STAMP)
  return existsSync(join(root, 'dist')) && existsSync(stamp) && readFileSync(stamp, 'utf8') === digest(root)
}

/**
 * Compiles src/ and fixtures/ into dist/, which is replaced as a whole: it never contains files of an older source,
 * and a build that fails leaves it unchanged.
 * @param {string} root
 * @param {readonly string[]} [options] more options for tsc
 */
export async function buildDist(root, options = []) {
  const sources = digest(root)
  const fresh = join(root, `node_modules/.cache/vitest-guest/dist-${process.pid}`)
  rmSync(fresh, { recursive: true, force: true })
  mkdirSync(join(fresh, '..'), { recursive: true })
  try {
    const { code, signal, tail } = await runChild(
      join(root, 'node_modules/.bin/tsc'),
      ['-p', join(root, 'tsconfig.build.json'), '--outDir', fresh, ...options],
      { onLine: () => {} },
    )
    if (code !== 0) throw new SetupError(`tsc failed:\n${tail}`, signal)
    chmodSync(join(fresh, 'src/cli/main.js'), 0o755)
    rmSync(join(root, 'dist'), { recursive: true, force: true })
    renameSync(fresh, join(root, 'dist'))
    writeFileSync(join(root, STAMP), sources)
  } finally {
    rmSync(fresh, { recursive: true, force: true })
  }
}

/** Over every file the build reads. @param {string} root */
function digest(root) {
  const hash = createHash('sha256')
  const folders = ['src', 'fixtures'].flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
  )
  const sources = folders.filter((name) => name.endsWith('.ts')).sort()
  for (const name of [...sources, 'tsconfig.json', 'tsconfig.build.json', 'package.json', 'package-lock.json']) {
    hash.update(`${name}\0`).update(readFileSync(join(root, name))).update('\0') // prettier-ignore
  }
  return hash.digest('hex')
}
