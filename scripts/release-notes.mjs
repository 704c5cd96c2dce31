// `npm version` runs this (as "version") once it has raised the number in package.json: what the changelog calls "Unreleased" becomes
// the section of that version, under today's date, and a new, empty one stands above it.
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { argv, env } from 'node:process'
import { fileURLToPath } from 'node:url'

const UNRELEASED = '## Unreleased\n'

/**
 * The changelog with its unreleased part given a version.
 * @param {string} changelog
 * @param {string} version
 * @param {string} date ISO 8601
 */
export function release(changelog, version, date) {
  const start = changelog.indexOf(UNRELEASED)
  if (start === -1) throw new Error(`CHANGELOG.md has no line '${UNRELEASED.trim()}' to release`)
  const body = start + UNRELEASED.length
  const next = changelog.indexOf('\n## ', body)
  const end = next === -1 ? changelog.length : next
  // Empty headings are for authors of changes, not for readers of a release.
  const notes = changelog.slice(body, end).replaceAll(/^### .*\n+(?=###|$(?![\s\S]))/gm, '')
  if (!/^- /m.test(notes)) throw new Error('CHANGELOG.md says nothing below "Unreleased": there is nothing to release')
  const empty = ['Added', 'Changed', 'Fixed'].map((heading) => `### ${heading}\n\n`).join('')
  return `${changelog.slice(0, body)}\n${empty}## ${version} (${date})\n${notes.trimEnd()}\n${changelog.slice(end)}`
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  const path = fileURLToPath(new URL('../CHANGELOG.md', import.meta.url))
  const version = env['npm_package_version'] ?? ''
  writeFileSync(path, release(readFileSync(path, 'utf8'), version, new Date().toISOString().slice(0, 10)))
  execFileSync('git', ['add', '--', path])
}
