export interface Command {
  /** Printed for `--help`. */
  readonly help: string
  /** Whether everything after its first argument belongs to a command that it runs. @default false */
  readonly passesOn?: boolean
  /** @returns the exit code */
  run(args: string[]): Promise<number>
}

/** The command line itself is wrong: exit code 2, and a pointer to the help. */
export class UsageError extends Error {}

/** Includes `parseArgs`'s errors (`ERR_PARSE_ARGS_UNKNOWN_OPTION` and so on). */
export function isUsageError(error: unknown): error is Error {
  if (error instanceof UsageError) return true
  return error instanceof Error && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS')
}
