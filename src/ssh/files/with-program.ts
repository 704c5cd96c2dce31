import type { Client } from 'ssh2'
import { GuestError } from '../../errors.ts'
import { Deadline } from '../../lifetime/deadline.ts'
import { until } from '../../lifetime/until.ts'
import { canceled, guestFileError, stalled } from './file-error.ts'
import { startProgram, type Program, type ProgramEnding } from './program.ts'

/** Bytes that must move within the limit: a guest could send one byte at a time for ever. */
const STEP = 65_536

/** An operation on a file of the guest. */
export interface Act {
  /** For messages: `upload of '/a' to '/b'`. */
  readonly what: string
  /** The path in the guest. */
  readonly path: string
  /** Milliseconds for the next 64 KiB, or the rest. */
  readonly stallMs: number
  readonly cancelSignal?: AbortSignal | undefined
}

export interface Running extends Program {
  /** Aborted when the caller cancels, or nothing has moved for too long. */
  readonly signal: AbortSignal
  moved(bytes: number): void
  fail(error: GuestError): void
  /** Waits until the program has succeeded. @throws CommandError */
  endedWell(): Promise<void>
}

/** Runs a script in the guest and works with its streams. @throws CommandError when it fails, is canceled or stalls; what `work` throws */
export async function withProgram<T>(
  client: Client,
  script: string,
  act: Act,
  work: (running: Running) => Promise<T>,
): Promise<T> {
  const { stallMs, cancelSignal } = act
  using stop = new Deadline(stallMs, {
    signal: cancelSignal,
    late: () => stalled(act, stallMs),
    canceled: (reason) => canceled(act, reason),
  })
  const { signal } = stop
  signal.throwIfAborted()
  const starting = startProgram(client, script, act.what)
  let program: Program | undefined
  try {
    program = await until(signal, starting)
    const { ended } = program
    const check = (ending: ProgramEnding) => {
      if (ending.exitCode !== 0) throw guestFileError(act, ending)
    }
    const endedWell = async () => check(await until(signal, ended))
    let bytes = 0
    const moved = (more: number) => {
      bytes += more
      if (bytes < STEP) return
      bytes = 0
      stop.restart(stallMs)
    }
    const work_ = work({ ...program, signal, moved, fail: (error) => stop.abort(error), endedWell })
    const result = await work_.catch(async (error: unknown) => {
      // A stream broke: the program ended early, and said why.
      if (!(error instanceof GuestError)) await endedWell()
      throw error
    })
    await endedWell()
    return result
  } catch (error) {
    // Not waited for if nothing has started: the guest may hang.
    const stopping = starting.then((each) => each.stop()).catch(() => {})
    if (program) await stopping
    signal.throwIfAborted()
    throw error
  }
}
