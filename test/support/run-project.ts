import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { leftoversAfter, ownTemporaryFolder } from './leftovers.ts'

const PROJECTS = fileURLToPath(new URL('../contract', import.meta.url))
const VITEST = fileURLToPath(new URL('../../node_modules/vitest/vitest.mjs', import.meta.url))

interface Report {
  success: boolean
  numPassedTests: number
  numFailedTests: number
  testResults: readonly unknown[]
}

interface Where {
  inside?: (command: readonly string[]) => string[]
  own?: (path: string) => Promise<void>
}

/**
 * Runs a real vitest on a small project; returns its report and its stderr.
 * @param where the command line that runs another one there, and a function that gives a folder to its user
 */
export async function runProject(
  project: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  { inside = (command) => [...command], own = async () => {} }: Where = {},
) {
  await using folder = await ownTemporaryFolder()
  await own(folder.path)
  const root = join(PROJECTS, project)
  const outputFile = join(folder.path, 'report.json')
  const reporters = ['--reporter', 'default', '--reporter', 'json', `--outputFile=${outputFile}`]
  const command = inside([process.execPath, VITEST, 'run', '--root', root, ...reporters, ...args])
  const [file = '', ...rest] = command
  const { stdout, stderr } = await execa(file, rest, { env: { ...env, TMPDIR: folder.path }, reject: false })
  const report = JSON.parse(await readFile(outputFile, 'utf8')) as Report
  return { report, stdout, stderr, left: await leftoversAfter(folder.path) }
}
