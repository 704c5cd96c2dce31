import { CommandError } from '../errors.ts'
import type { ExecResult } from '../ssh/exec.ts'

/** A command that a guest was given. */
export interface PastCommand {
  readonly command: string
  readonly startedAt: Date
  /** Undefined while it runs. */
  readonly durationMs: number | undefined
  /** Undefined while it runs, and when a signal, a time-out or a lost connection ended it. */
  readonly exitCode: number | undefined
  /** E.g. `'SIGTERM'`. */
  readonly signal: string | undefined
  readonly timedOut: boolean
  readonly running: boolean
}

/** Commands that are remembered. */
const KEPT = 50

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** The last 50 commands that a guest was given, the latest last. */
export class History {
  readonly #commands: PastCommand[] = []

  get list(): readonly PastCommand[] {
    return this.#commands
  }

  /** Remembers a command from its start to its end. */
  async record(command: string, run: () => Promise<ExecResult>): Promise<ExecResult> {
    const startedAt = new Date()
    const entry: Mutable<PastCommand> = {
      command,
      startedAt,
      durationMs: undefined,
      exitCode: undefined,
      signal: undefined,
      timedOut: false,
      running: true,
    }
    this.#commands.push(entry)
    if (this.#commands.length > KEPT) this.#commands.shift()
    const end = (ending: Partial<Pick<ExecResult, 'exitCode' | 'signal' | 'timedOut'>>) => {
      const { exitCode, signal, timedOut = false } = ending
      Object.assign(entry, { durationMs: Date.now() - startedAt.getTime(), running: false, exitCode, signal, timedOut })
    }
    try {
      const result = await run()
      end(result)
      return result
    } catch (error) {
      if (error instanceof CommandError) {
        const { exitCode, signal } = error
        end({ exitCode, signal, timedOut: /^Command timed out/.test(error.message) })
      } else {
        end({})
      }
      throw error
    }
  }
}
