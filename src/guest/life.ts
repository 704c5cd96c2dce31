import { BootError, GuestError } from '../errors.ts'
import type { Machine } from '../machine/start-machine.ts'
import { panicIn } from './watch-boot.ts'

/** `off`: without power, its disk kept for `start()`. `ended`: QEMU has gone, and the disk with it. */
export type GuestState = 'running' | 'off' | 'ended'

/** Whether a machine runs, as QEMU tells it, and where in its console the boot of now began. */
export class Life {
  readonly #machine: Machine
  readonly #onLost = new Set<() => void>()
  #run = new AbortController()
  #state: GuestState = 'running'
  /** The console's position at the last reset. */
  bootedAt = 0
  /** A reset that nobody has followed to its end yet. */
  isBooting = false

  constructor(machine: Machine) {
    this.#machine = machine
    const { qmp, exited } = machine
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
    this.isBooting = isBooting
    this.bootedAt = this.#machine.console.position
    this.#run.abort(new GuestError('The guest was started anew'))
    this.#run = new AbortController()
  }

  /** @throws GuestError unless it runs */
  requireRunning(): void {
    if (this.#state !== 'running') throw this.#notRunning()
  }

  /** Calls `fail` when the guest has died, or dies while somebody watches: of QEMU's end, want of power, or a panic. */
  watch(fail: (error: Error) => void): Disposable {
    const { console } = this.#machine
    const look = () => {
      const panic = panicIn(console.textSince(this.bootedAt), console.tail)
      if (panic) fail(panic)
    }
    const lost = () => {
      if (this.#state !== 'running') fail(this.#notRunning())
    }
    this.#onLost.add(lost)
    const stop = console.onOutput(look)
    lost()
    look()
    return {
      [Symbol.dispose]: () => {
        stop()
        this.#onLost.delete(lost)
      },
    }
  }

  #lose(state: 'off' | 'ended'): void {
    if (this.#state === state || this.#state === 'ended') return
    this.#state = state
    this.#over(this.#notRunning())
  }

  #reset(): void {
    this.isBooting = true
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
