import { readdirSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'

/** The projects of vitest.config.ts that only `npm run test:all` runs. */
const NOT_IN_THE_FAST_TIER = ['--project=!slow', '--project=!chaos']
/** A test file builds the image, while those that need none run. */
const NEEDS_NO_IMAGE = /^test\/(unit|network|guest\/default-template)/

/**
 * What `npm test -- ARGS` runs: the named files, of any tier, or else the fast tier.
 *
 * @param {string} root
 * @param {readonly string[]} args
 * @returns {{ options: string[], image: boolean }} for vitest, and whether the default image has to be there before
 */
export function selectTests(root, args) {
  const named = namedTests(root, args)
  const chosen = named.length > 0 || args.some((arg) => /^--(project|shard|merge-reports|changed)\b/.test(arg))
  return {
    options: chosen ? [] : NOT_IN_THE_FAST_TIER,
    image: named.some((path) => !NEEDS_NO_IMAGE.test(path)),
  }
}

/**
 * The test files whose path contains an argument, as in vitest; it may end with a line number.
 *
 * @param {string} root
 * @param {readonly string[]} args
 */
function namedTests(root, args) {
  const words = args
    .filter((arg) => !arg.startsWith('-'))
    .map((arg) => (/^\.{0,2}\//.test(arg) ? relative(root, resolve(arg)) : arg).replace(/:\d+$/, ''))
  if (words.length === 0) return []
  return readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .map((name) => join('test', name))
    .filter((path) => path.endsWith('.test.ts') && words.some((word) => path.includes(word)))
}
