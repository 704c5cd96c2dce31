import { spawnSync } from 'node:child_process'
import { chownSync, cpSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test, vi, type TestContext } from 'vitest'
import { FOR_TESTS, missingSystemPackages } from '../../scripts/setup/system-packages.mjs'
import { standIn, temporaryFolder } from './support/temporary-folder.ts'

const ROOT = new URL('../..', import.meta.url).pathname
/** Everything that a set-up reads before it changes anything. */
const NEEDED = ['package.json', 'package-lock.json', 'scripts', 'src/host/program/tools.ts']
const NOBODY = 65534

afterEach(() => void vi.unstubAllEnvs())

/** Runs a task in a copy of the repository without packages or a build, with only these programs on PATH. */
function runTask(task: string, programs: Record<string, string>, { skip }: TestContext, uid?: number) {
  const folder = temporaryFolder()
  for (const name of NEEDED) cpSync(join(ROOT, name), join(folder, name), { recursive: true })
  const path = join(folder, 'programs')
  mkdirSync(path)
  for (const [name, script] of Object.entries(programs)) standIn(name, script, path)
  // Owned by them, so that they could change it.
  if (uid !== undefined) for (const name of ['.', ...list(folder)]) chownSync(join(folder, name), uid, uid)
  const before = list(folder)
  const { error, status, stdout, stderr } = spawnSync(process.execPath, ['scripts/with-setup.mjs', task], {
    cwd: folder,
    encoding: 'utf8',
    env: { PATH: path, HOME: folder, TMPDIR: folder },
    ...(uid !== undefined && { uid, gid: uid }),
  })
  skip((error as NodeJS.ErrnoException | undefined)?.code === 'EACCES', 'Node is where an ordinary user cannot run it')
  vi.stubEnv('PATH', path)
  const missing = missingSystemPackages(folder, task === 'demo' ? {} : FOR_TESTS).join(' ')
  expect(missing).toContain('qemu-system-x86')
  return { outcome: { status, stdout, stderr }, missing, made: list(folder).filter((name) => !before.includes(name)) }
}

function list(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
}

test.for(['demo', 'test', 'bench'])(
  'without apt-get, %s says what to install, and changes nothing',
  (task, context) => {
    const { outcome, missing, made } = runTask(task, { npm: 'echo >"$0.called"', sudo: 'echo >"$0.called"' }, context)
    expect(outcome).toEqual({
      status: 1,
      stdout: '',
      stderr: `Required programs are missing, and set-up cannot install them: there is no apt-get here (only Debian and Ubuntu are supported).
Install the equivalents of these Debian packages, then try again:
  ${missing}
Nothing was changed.
`,
    })
    expect(made).toEqual([])
  },
)

test.for([
  ['without sudo', {}],
  ['with a sudo that asks for a password', { sudo: 'exit 1' }],
  ['with a sudo that allows something else alone', { sudo: '[ "$*" = "-n /usr/bin/true" ]' }],
] as const)('an ordinary user %s is told the command, and nothing is changed', ([, sudo], context) => {
  const programs = { npm: 'echo >"$0.called"', 'apt-get': 'echo >"$0.called"', ...sudo }
  const uid = process.getuid?.() === 0 ? NOBODY : undefined
  const { outcome, missing, made } = runTask('demo', programs, context, uid)
  expect(outcome).toEqual({
    status: 1,
    stdout: '',
    stderr: `System packages are missing, and this user is neither root nor allowed to use sudo without a password. Run
  sudo apt-get update && sudo apt-get install -y --no-install-recommends ${missing}
and try again. Nothing was changed.
`,
  })
  expect(made).toEqual([])
})
