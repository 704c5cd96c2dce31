/**
 * A program that tries to boot a guest and tells, as one line of JSON, what came of it; then it waits for its input to
 * close, so that what the attempt itself left behind can be looked for while its process lives.
 *
 * Argument: JSON `{ options, abortIn? }`; with `abortIn` the boot is aborted as that phase starts.
 */
import { bootGuest, GuestError } from '../../src/index.ts'
import type { BootOptions } from '../../src/index.ts'

const { options, abortIn } = JSON.parse(process.argv[2] ?? '{}') as { options: BootOptions; abortIn?: string }
const abort = new AbortController()
const startedAt = performance.now()
let phase = ''
let phaseStartedAt = startedAt

const outcome = await bootGuest({
  ...options,
  signal: abort.signal,
  onPhase: ({ name, durationMs }) => {
    if (durationMs !== undefined) return
    phase = name
    phaseStartedAt = performance.now()
    if (name === abortIn) setTimeout(() => abort.abort(new Error('the test aborts')), 0)
  },
}).then(
  async (guest) => {
    await guest[Symbol.asyncDispose]()
    return { booted: true }
  },
  (error: unknown) => describe(error),
)

console.log(JSON.stringify(outcome))
process.stdin.resume().on('end', () => process.exit(0))

function describe(error: unknown): object {
  const now = performance.now()
  if (!(error instanceof Error)) return { name: 'not an Error', message: String(error) }
  return {
    name: error.name,
    message: error.message,
    ...(error instanceof GuestError && {
      hint: error.hint,
      option: error.option,
      stderr: error.stderr,
      phase: error.phase,
    }),
    lastPhase: phase,
    elapsedMs: Math.round(now - startedAt),
    sincePhaseMs: Math.round(now - phaseStartedAt),
  }
}
