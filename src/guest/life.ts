import { BootError, GuestError } from '../errors.ts'
import type { Machine } from '../machine/start-machine.ts'
import { panicIn } from './watch-boot.ts'

/** `off`: without power, its disk kept for `start()`. `ended`: QEMU has gone, and the disk with it. */
export type GuestState = 'running' | 'off' | 'ended'

/** Of the kernel's, in characters. */
const LONGEST_LINE = 1024

/** Whether a machine runs, as QEMU tells it, and where in its console the boot of now began. */
export class Life {
  readonly #machine: Machine
  readonly #onLost = new Set<() => void>()
  #run = new AbortController()
  #state: GuestState = 'running'
  /** Of this run; only a reset, or a snapshot, brings the guest back. */
  #panic: BootError | undefined
  /** The console's position at the last reset. */
  bootedAt = 0
  /** A reset that nobody has followed to its end yet. */
  isBooting = false

  constructor(machine: Machine) {
    this.#machine = machine
    const { qmp, exited, console } = machine
    let seen = 0
    console.onOutput(() => {
      // Output comes in pieces, and a line may take two.
      const since = Math.max(this.bootedAt, seen - LONGEST_LINE)
      seen = console.position
      const text = console.textSince(since)
      if (text.includes('Kernel panic')) this.#meetPanic(panicIn(text, console.tail))
    })
    qmp.onEvent(({ event }) => {
      if (event === 'SHUTDOWN') this.#lose('off')
      if (event === 'RESET') this.#reset()
    })
    void exited.then(() => this.#lose('ended'))
    if (machine.exit) this.#lose('ended')
  }

  get state(): GuestState {
    return this.#state
  }

  /** Aborts when this run of the guest is over: by a reset, or for want of power. */
  get run(): AbortSignal {
    return this.#run.signal
  }

  /** Calls `listener` whenever every connection to the guest is lost. */
  onLost(listener: () => void): void {
    this.#onLost.add(listener)
  }

  /** The power has been cut. */
  cut(): void {
    this.#lose('off')
  }

  /** There is power again, and it goes on where a snapshot was taken, if not with a boot. */
  powered(isBooting: boolean): void {
    if (this.#state === 'ended') return
    this.#state = 'running'
    this.#panic = undefined
    this.isBooting = isBooting
    this.bootedAt = this.#machine.console.position
    this.#run.abort(new GuestError('The guest was started anew'))
    this.#run = new AbortController()
  }

  /** @throws GuestError unless it runs; BootError when its kernel has panicked */
  requireRunning(): void {
    if (this.#panic) throw this.#panic
    if (this.#state !== 'running') throw this.#notRunning()
  }

  /** Calls `fail` when the guest has died, or dies while somebody watches: of QEMU's end, want of power, or a panic. */
  watch(fail: (error: Error) => void): Disposable {
    const lost = () => {
      if (this.#panic) fail(this.#panic)
      else if (this.#state !== 'running') fail(this.#notRunning())
    }
    this.#onLost.add(lost)
    lost()
    return { [Symbol.dispose]: () => this.#onLost.delete(lost) }
  }

  /** Nothing answers any more, and no connection would learn of it for a minute. */
  #meetPanic(panic: BootError | undefined): void {
    if (!panic || this.#panic || this.#state !== 'running') return
    this.#panic = panic
    this.#over(panic)
  }

  #lose(state: 'off' | 'ended'): void {
    if (this.#state === state || this.#state === 'ended') return
    this.#state = state
    this.#panic = undefined
    this.#over(this.#notRunning())
  }

  #reset(): void {
    this.isBooting = true
    this.#panic = undefined
    this.bootedAt = this.#machine.console.position
    this.#over(new GuestError('The guest was reset'))
    this.#run = new AbortController()
  }

  #over(reason: Error): void {
    this.#run.abort(reason)
    for (const listener of [...this.#onLost]) listener()
  }

  #notRunning(): GuestError {
    const { exit, console } = this.#machine
    const consoleTail = console.tail
    if (this.#state === 'off') {
      return new GuestError('The guest is powered off', {
        consoleTail,
        hint: 'guest.start() boots it again, from the same disk.',
      })
    }
    const { exitCode, signal, stderr } = exit ?? {}
    const how = signal !== undefined ? `by ${signal}` : `with exit code ${exitCode}`
    return new BootError(`The guest is gone: QEMU has ended, ${how}`, {
      exitCode,
      signal,
      stderr,
      consoleTail,
      hint: 'Its disk went with it. Was the guest disposed, or QEMU killed? The kernel log of the host (dmesg) knows of lack of memory.',
    })
  }
}
