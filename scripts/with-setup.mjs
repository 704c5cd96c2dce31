// Runs one of this repository's tasks, after the set-up that it needs: `node scripts/with-setup.mjs TASK [args]`.
// Plain JavaScript without packages, because it is what installs them, on whatever Node (>= 18) the machine has.
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { prepareDefaultImage } from './setup/default-image.mjs'
import { buildDist, distIsCurrent } from './setup/dist.mjs'
import { installNodePackages, nodePackagesMatch } from './setup/node-packages.mjs'
import { note, phase, QUIET_MS, seconds } from './setup/progress.mjs'
import { endLike, runChild } from './setup/run-child.mjs'
import { SetupError } from './setup/setup-error.mjs'
import { aptGet, FOR_TESTS, installSystemPackages, missingSystemPackages } from './setup/system-packages.mjs'
import { selectTests } from './setup/test-selection.mjs'

const root = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')
const [name = '', ...args] = process.argv.slice(2)
const vitest = ['node_modules/vitest/vitest.mjs', 'run']
const selected = selectTests(root, args)

/**
 * `system`: programs beyond Node's (undefined: none); `dist`: the compiled package; `image`: the default image;
 * `run`: what to run with our Node, in node_modules/.bin's company.
 * @type {Record<string, { system?: Record<string, string>, dist?: boolean, image?: boolean, run: string[] }>}
 */
const TASKS = {
  demo: { system: {}, dist: true, image: true, run: ['scripts/demo.ts'] },
  test: { system: FOR_TESTS, dist: true, image: selected.image, run: [...vitest, ...selected.options] },
  'test:all': { system: FOR_TESTS, dist: true, run: vitest },
  'test:chaos': { system: FOR_TESTS, dist: true, image: true, run: ['scripts/chaos.ts'] },
  bench: { system: FOR_TESTS, dist: true, image: true, run: ['bench/main.ts'] },
  build: { dist: true, run: [] },
  check: { run: ['scripts/check.ts'] },
  doctor: { run: ['src/cli/main.ts', 'doctor'] },
}

const task = TASKS[name]
if (!task) {
  console.error(`Usage: node scripts/with-setup.mjs ${Object.keys(TASKS).join('|')} [args]`)
  process.exit(2)
}
process.chdir(root)
try {
  await setUp(task)
  if (task.run.length > 0) endLike(await runChild(ourNode(), [...task.run, ...args], { env: withOwnBin() }))
} catch (error) {
  if (!(error instanceof SetupError)) throw error
  note(error.message)
  endLike({ code: 1, signal: error.signal })
}

/** @param {(typeof TASKS)[string]} task */
async function setUp({ system, dist, image }) {
  const started = performance.now()
  const packages = system ? missingSystemPackages(root, system) : []
  // Fails before anything is changed.
  if (packages.length > 0) aptGet(packages)

  /** @type {{ name: string, about?: string, work: (say: (status: string) => void) => Promise<void> }[]} */
  const phases = []
  if (!nodePackagesMatch(root)) {
    phases.push({ name: 'Node packages', about: 'npm ci', work: () => installNodePackages(root) })
  }
  if (packages.length > 0) {
    const about = `apt-get install ${packages.join(' ')}`
    phases.push({ name: 'System packages', about, work: (say) => installSystemPackages(packages, say) })
  }
  if (dist && !distIsCurrent(root)) {
    phases.push({ name: 'Build', about: 'src/ and fixtures/ to dist/', work: () => buildDist(root) })
  }
  if (image) {
    phases.push({ name: 'Default image', work: (say) => prepareDefaultImage(ourNode(), say) })
  }
  for (const [index, { work, ...each }] of phases.entries()) {
    await phase({ ...each, number: `${index + 1}/${phases.length}` }, work)
  }
  const elapsed = performance.now() - started
  if (elapsed > QUIET_MS) note(`Set-up took ${seconds(elapsed)}.`)
}

/** The Node that can run our TypeScript: the one among the Node packages, else the machine's if it is new enough. */
function ourNode() {
  const own = join(root, 'node_modules/.bin/node')
  for (const node of [own, process.execPath]) {
    const answer = spawnSync(node, ['-p', 'process.features.typescript'], { encoding: 'utf8' })
    if (!answer.error && answer.stdout.trim() === 'strip') return node
  }
  throw new SetupError(
    `${own} does not run here, and Node ${process.version} cannot run TypeScript.\n` +
      'Install Node 22.18 or newer, then try again.',
  )
}

/** Makes `node`, `vitest` and the rest mean ours, even if npm did not start this. */
function withOwnBin() {
  return { ...process.env, PATH: `${join(root, 'node_modules/.bin')}:${process.env['PATH'] ?? ''}` }
}
