/**
 * A program that tries to boot a guest and prints the result as one line of JSON; then it waits for its input to
 * close, so that leftovers of the attempt can be found while its process runs.
 *
 * Argument: JSON `{ options, abortIn?, after?, evidence? }`; with `abortIn` the boot is aborted as that phase starts, or so many
 * milliseconds later.
 */
import { bootGuest, GuestError } from '../../../src/index.ts'
import type { BootOptions } from '../../../src/index.ts'

interface Argument {
  options: BootOptions
  abortIn?: string
  after: number
  evidence?: string
}

const { options, abortIn, after, evidence } = JSON.parse(process.argv[2] ?? '{}') as Argument
const abort = new AbortController()
const startedAt = performance.now()
let phase = ''
let phaseStartedAt = startedAt
let evidenceAt: number | undefined

const outcome = await bootGuest({
  ...options,
  signal: abort.signal,
  onConsole: (console) => {
    console.onOutput(() => {
      if (evidence !== undefined && console.text.includes(evidence)) evidenceAt ??= performance.now()
    })
  },
  onPhase: ({ name, durationMs }) => {
    if (durationMs !== undefined) return
    phase = name
    phaseStartedAt = performance.now()
    if (name !== abortIn) return
    const act = () => abort.abort(new Error('the test aborts'))
    if (after === 0) act()
    else setTimeout(act, after)
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
    ...(evidenceAt !== undefined && { sinceEvidenceMs: Math.round(now - evidenceAt) }),
    sincePhaseMs: Math.round(now - phaseStartedAt),
  }
}
