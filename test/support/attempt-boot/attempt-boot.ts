import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { leftovers, ownTemporaryFolder } from '../leftovers.ts'

const PROGRAM = fileURLToPath(new URL('./program.ts', import.meta.url))

export interface Attempt {
  /** Of `GuestOptions`, as plain data. @default { start: 'cold' } */
  options?: Record<string, unknown>
  /** Abort as this phase starts, */
  abortIn?: string
  /** or so many milliseconds later. @default 0 */
  after?: number
  /** What the console must show; `sinceEvidenceMs` counts from there. */
  evidence?: string
  /** A command line that prepares the surroundings and then runs the rest of its arguments. */
  inside?: readonly string[]
  env?: NodeJS.ProcessEnv
}

export interface Outcome {
  booted?: boolean
  name?: string
  message?: string
  hint?: string
  option?: string
  stderr?: string
  phase?: string
  lastPhase?: string
  /** Milliseconds from the call of bootGuest to its error. */
  elapsedMs?: number
  /** Milliseconds from the start of the last phase. */
  sincePhaseMs?: number
  /** Milliseconds since the console showed the evidence; undefined if it did not. */
  sinceEvidenceMs?: number
  /** Processes and files left right after the error, while the process of the attempt still runs. */
  left: string[]
}

/** Tries to boot a guest in a separate process, and finds what it leaves behind. */
export async function attemptBoot({
  options = {},
  abortIn,
  after = 0,
  evidence,
  inside = [],
  env,
}: Attempt): Promise<Outcome> {
  await using folder = await ownTemporaryFolder()
  const [file = process.execPath, ...args] = [
    ...inside,
    process.execPath,
    PROGRAM,
    JSON.stringify({ options: { start: 'cold', ...options }, abortIn, after, evidence }),
  ]
  const child = spawn(file, args, {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env, TMPDIR: folder.path },
  })
  const ended = once(child, 'close')
  let noise = ''
  child.stderr.on('data', (chunk: Buffer) => (noise += chunk.toString()))
  const line = await Promise.race([
    new Promise<string>((resolve) => createInterface(child.stdout).once('line', resolve)),
    ended.then(() => Promise.reject(new Error(`The attempt ended without a word:\n${noise}`))),
  ])
  // The process of the attempt, and its surroundings, still run at this time.
  const left = leftovers(folder.path).filter((each) => !each.includes(PROGRAM))
  child.stdin.end()
  await ended
  return { ...(JSON.parse(line) as Omit<Outcome, 'left'>), left }
}
