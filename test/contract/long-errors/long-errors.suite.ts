import { test } from 'vitest'
import { explainBuildFailure } from '../../../src/image/build/build-failure.ts'
import { runAsRoot } from '../../../src/image/build/build-step.ts'
import { run } from '../../../src/host/program/run.ts'

/** As long as what mmdebstrap writes. */
const LOG = `for (let line = 0; line < 4000; line++) console.error('line ' + line + ' of the log'); process.exitCode = 1`

test('a build fails', async () => {
  await runAsRoot([process.execPath, '-e', LOG], { cwd: process.cwd() }).catch((error: unknown) => {
    throw explainBuildFailure(error, 'debian-12 with pakage', process.cwd())
  })
})

test('a program fails', async () => {
  await run(process.execPath, ['-e', LOG.replace('error', 'log')])
})
