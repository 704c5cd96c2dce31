import { run } from '../src/host/program/run.ts'

/** When and with what a part of docs/bench.json was measured. */
export interface Measurement {
  /** When it began, ISO 8601. */
  readonly measuredAt: string
  /** The commit that was checked out, if git knows. */
  readonly commit?: string
  /** For a part that is measured in rounds. */
  readonly rounds?: number
}

/** Measures something, and says when. */
export async function measured<T>(measure: () => Promise<T>, rounds?: number): Promise<Measurement & T> {
  const measuredAt = new Date().toISOString()
  const commit = await headCommit()
  return { measuredAt, ...(commit && { commit }), ...(rounds !== undefined && { rounds }), ...(await measure()) }
}

/** For people: `2026-11-26, at 690373f`. */
export function when({ measuredAt, commit }: Measurement): string {
  return `${measuredAt.slice(0, 10)}${commit === undefined ? '' : `, at ${commit}`}`
}

async function headCommit(): Promise<string | undefined> {
  const cwd = new URL('..', import.meta.url).pathname
  return run('git', ['rev-parse', '--short', 'HEAD'], { cwd }).catch(() => undefined)
}
