// `npm run check`: everything that can be checked without booting a guest. Parts run in parallel; each
// reports its time, and shows its output only if it fails.
import { spawn } from 'node:child_process'
import { buildDist } from './setup/dist.mjs'

interface Part {
  name: string
  /** The part that must have passed before. */
  needs?: string
  run: () => Promise<{ ok: boolean; output: string }>
}

const root = new URL('..', import.meta.url).pathname.replace(/\/$/, '')

/** Each lane runs its parts one after the other, the longest first. The package's checks need the build. */
const lanes: Part[][] = [
  [
    part('eslint', 'eslint', '--max-warnings=0', '.'),
    // A separate reporter: in CI the configured ones would write the test report.
    part('import law', 'vitest', 'run', '--project=unit', '--reporter=default', 'test/unit/import-law.test.ts'),
  ],
  [
    part('types', 'tsc', '--noEmit'),
    { name: 'build', run: build },
    { ...part('publint', 'publint', '--strict'), needs: 'build' },
    { ...part('attw', 'attw', '--pack', '--profile=esm-only', '--no-emoji'), needs: 'build' },
    part('prettier', 'prettier', '--check', '.'),
    part('knip', 'knip', '--no-progress'),
  ],
]

const started = performance.now()
const failed = (await Promise.all(lanes.map(runLane))).flat()
const total = seconds(performance.now() - started)
console.log(failed.length === 0 ? `check: all passed in ${total}` : `check: ${failed.join(', ')} failed (${total})`)
process.exitCode = failed.length === 0 ? 0 : 1

/** The names of the parts that failed. */
async function runLane(parts: Part[]): Promise<string[]> {
  const failures: string[] = []
  for (const { name, needs, run } of parts) {
    const start = performance.now()
    if (needs !== undefined && failures.includes(needs)) {
      console.log(`skipped ${name}: needs ${needs}`)
      failures.push(name)
      continue
    }
    const { ok, output } = await run()
    console.log(`${ok ? 'ok    ' : 'FAILED'} ${name.padEnd(12)} ${seconds(performance.now() - start).padStart(7)}`)
    if (ok) continue
    failures.push(name)
    console.log(output.trimEnd().replace(/^/gm, '       '))
  }
  return failures
}

function part(name: string, program: string, ...args: string[]): Part {
  return {
    name,
    run: () =>
      new Promise((resolve, reject) => {
        const child = spawn(`${root}/node_modules/.bin/${program}`, args, {
          cwd: root,
          stdio: ['ignore', 'pipe', 'pipe'],
          env: { ...process.env, NO_COLOR: '1', FORCE_COLOR: undefined },
        })
        let output = ''
        for (const stream of [child.stdout, child.stderr]) {
          stream.setEncoding('utf8').on('data', (chunk: string) => (output += chunk))
        }
        child.once('error', reject)
        child.once('close', (code) => resolve({ ok: code === 0, output }))
      }),
  }
}

async function build(): Promise<{ ok: boolean; output: string }> {
  try {
    // Without the type check: another part checks the same files and more.
    await buildDist(root, ['--noCheck'])
    return { ok: true, output: '' }
  } catch (error) {
    return { ok: false, output: String(error) }
  }
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`
}
