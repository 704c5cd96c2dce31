/** A command of `vitest-guest`. */
export interface Command {
  /** Printed for `--help`. */
  readonly help: string
  /** @returns the exit code */
  run(args: string[]): Promise<number>
}
