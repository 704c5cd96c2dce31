import { CommandError, type GuestErrorFacts } from '../../errors.ts'
import type { CommandFacts } from '../../ssh/command/command-facts.ts'
import type { GuestProcess } from '../../ssh/command/spawn.ts'

/** A command that was run in a guest. */
export interface PastCommand {
  readonly command: string
  readonly startedAt: Date
  /** Undefined while it is running. */
  readonly durationMs: number | undefined
  /** Undefined while it is running, and when a signal, a time-out or a lost connection ended it. */
  readonly exitCode: number | undefined
  /** E.g. `'SIGTERM'`. */
  readonly signal: string | undefined
  readonly timedOut: boolean
  readonly running: boolean
}

const KEPT = 50

type Mutable<T> = { -readonly [K in keyof T]: T[K] }

/** The last 50 commands of a guest, most recent last. */
export class History {
  readonly #commands: PastCommand[] = []

  get list(): readonly PastCommand[] {
    return this.#commands
  }

  async record<T extends CommandFacts | GuestProcess>(command: string, run: () => Promise<T>): Promise<T> {
    const end = this.#begin(command)
    try {
      const result = await run()
      if ('exit' in result) result.exit.then(end, () => end({}))
      else end(result)
      return result
    } catch (error) {
      end(error instanceof CommandError ? error : {})
      throw error
    }
  }

  #begin(command: string): (ending: Pick<GuestErrorFacts, 'exitCode' | 'signal' | 'timedOut'>) => void {
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
    return ({ exitCode, signal, timedOut = false }) => {
      Object.assign(entry, { durationMs: Date.now() - startedAt.getTime(), running: false, exitCode, signal, timedOut })
    }
  }
}
