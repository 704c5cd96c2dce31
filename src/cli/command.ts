/** A command of `vitest-guest`. */
export interface Command {
  /** Printed for `--help`. */
  readonly help: string
  /** What follows its first argument belongs to a command that it runs. @default false */
  readonly passesOn?: boolean
  /** @returns the exit code */
  run(args: string[]): Promise<number>
}
