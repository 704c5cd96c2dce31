import { BootError, GuestError } from '../../errors.ts'
import { Deadline } from '../../lifetime/deadline.ts'
import { until } from '../../lifetime/until.ts'
import type { Machine } from '../../machine/start-machine.ts'

/**
 * `panicked`: its kernel has panicked, and nothing responds; a reset, `restore()`, or `crash()` and `start()` bring it back. `off`: powered
 * off, with its disk kept for `start()`. `ended`: QEMU has exited, and the disk is gone.
 */
export type GuestState = 'running' | 'panicked' | 'off' | 'ended'

interface WatchOptions {
  /** Whether to continue through a panic until it is known to be final. @default if the panic is expected */
  outlastsPanic?: boolean
}

/** Whether a machine is running, according to QEMU and its kernel, and where in its console output the current boot began. */
export class RunState {
  readonly #machine: Machine
  readonly #onLost = new Set<() => void>()
  #run = new AbortController()
  #power: 'running' | 'off' | 'ended' = 'running'
  /** The console's position at the last reset. */
  bootedAt = 0
  /** Whether it was reset and nothing has yet waited for the boot to finish. */
  isBooting = false

  constructor(machine: Machine) {
    this.#machine = machine
    const { qmp, exited, panics } = machine
    panics.onChange(() => {
      // Nothing answers any more, but connections would not notice for a minute.
      if (this.state === 'panicked' && !this.#run.signal.aborted) this.#over(panics.error)
    })
    qmp.onEvent(({ event }) => {
      if (event === 'SHUTDOWN') this.#lose('off')
      if (event === 'RESET') this.#reset()
    })
    void exited.then(() => this.#lose('ended'))
    if (machine.exit) this.#lose('ended')
  }

  get state(): GuestState {
    return this.#power === 'running' && this.#machine.panics.current ? 'panicked' : this.#power
  }

  /** Aborts when this run of the guest ends: by a reset, a panic, or a loss of power. */
  get run(): AbortSignal {
    return this.#run.signal
  }

  onLost(listener: () => void): void {
    this.#onLost.add(listener)
  }

  cut(): void {
    this.#lose('off')
  }

  /** The power is back: it boots, or continues from a snapshot. */
  powered(isBooting: boolean): void {
    if (this.#power === 'ended') return
    this.#power = 'running'
    this.#machine.panics.restart()
    this.isBooting = isBooting
    this.bootedAt = this.#machine.console.position
    this.#run.abort(new GuestError('The guest was restarted'))
    this.#run = new AbortController()
  }

  /** @throws GuestError unless it runs; BootError when its kernel has panicked */
  requireRunning(): void {
    const fault = this.#fault()
    if (fault) throw fault
  }

  /** @throws BootError when QEMU has exited */
  requireThere(): void {
    if (this.#power === 'ended') throw this.#notRunning()
  }

  /** Waits until a panicked guest is reset (kernel.panic=1). @throws BootError when the panic is final, or after `budget` milliseconds */
  async leavePanic(budget: number): Promise<void> {
    if (this.state !== 'panicked') return
    const { panics } = this.#machine
    using over = new Deadline(budget, { late: () => panics.error })
    const left = Promise.withResolvers<void>()
    const look = () => {
      if (this.state !== 'panicked') left.resolve()
      else if (panics.isFinal) over.abort(panics.error)
    }
    using _following = this.#follow(look)
    look()
    await until(over.signal, left.promise)
  }

  /** Calls `fail` when the guest is dead or dies: QEMU exits, the power is off, or the kernel panics. */
  watch(fail: (error: Error) => void, { outlastsPanic }: WatchOptions = {}): Disposable {
    const { panics } = this.#machine
    const look = () => {
      const fault = this.#fault()
      if (!fault) return
      const goesOn = this.state === 'panicked' && (outlastsPanic ?? panics.current?.isExpected)
      if (!goesOn || panics.isFinal) fail(fault)
    }
    const following = this.#follow(look)
    look()
    return following
  }

  /** Calls `look` whenever the state may have changed. */
  #follow(look: () => void): Disposable {
    this.#onLost.add(look)
    const stop = this.#machine.panics.onChange(look)
    return {
      [Symbol.dispose]: () => {
        stop()
        this.#onLost.delete(look)
      },
    }
  }

  #lose(power: 'off' | 'ended'): void {
    if (this.#power === power || this.#power === 'ended') return
    this.#power = power
    this.#over(this.#notRunning())
  }

  #reset(): void {
    this.isBooting = true
    this.bootedAt = this.#machine.console.position
    this.#over(new GuestError('The guest was reset'))
    this.#run = new AbortController()
  }

  #over(reason: Error | undefined): void {
    this.#run.abort(reason)
    for (const listener of [...this.#onLost]) listener()
  }

  #fault(): GuestError | undefined {
    if (this.#power !== 'running') return this.#notRunning()
    return this.#machine.panics.error
  }

  #notRunning(): GuestError {
    const { exit, console } = this.#machine
    const consoleTail = console.tail
    if (this.#power === 'off') {
      return new GuestError('The guest is powered off', {
        consoleTail,
        hint: 'guest.start() boots it again, from the same disk.',
      })
    }
    const { exitCode, signal, stderr } = exit ?? {}
    const how = signal !== undefined ? `killed by ${signal}` : `with exit code ${exitCode}`
    return new BootError(`The guest is gone: QEMU has exited, ${how}`, {
      exitCode,
      signal,
      stderr,
      consoleTail,
      hint: "Its disk is gone too. Was the guest disposed of, or QEMU killed? The host's kernel log (dmesg) shows whether it ran out of memory.",
    })
  }
}
