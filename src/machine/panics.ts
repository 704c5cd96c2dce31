import { BootError } from '../errors.ts'
import type { Qmp } from '../qmp/qmp.ts'
import type { Console } from './console.ts'

/** A panic of a guest's kernel. */
export interface Panic {
  /** The kernel's message, e.g. `sysrq triggered crash`. */
  readonly reason: string
  /** Where in the console output it was found, as in `console.position`. */
  readonly position: number
  /** Whether `waitForPanic` has returned it. */
  readonly isExpected: boolean
}

/** A complete line, because output arrives in pieces. */
const PANIC = /Kernel panic - not syncing: (.*)\n/
/** A kernel's last message (kernel/panic.c): it halts, or it reboots (panic=N) or starts another kernel (kdump). */
const HALTS = /---\[ end Kernel panic.*\n/
const LEAVES = /Rebooting in \d+ seconds|Linux version \d/
/** Milliseconds after which it has printed one or the other, even under emulation. */
const SILENCE = 30_000
/** The kernel's longest line, in characters. */
const LONGEST_LINE = 1024

/** Records the panics of a machine's kernel, in this run and in earlier ones. */
export class Panics {
  /** All panics so far, most recent last. */
  readonly list: readonly Panic[]
  readonly #list: { reason: string; position: number; isExpected: boolean }[] = []
  readonly #console: Console
  readonly #listeners = new Set<() => void>()
  #current: Panic | undefined
  #isFinal = false
  #silence: NodeJS.Timeout | undefined
  /** The console position from which this run's output has not been searched yet. */
  #seen = 0
  /** Index in `list`; earlier panics are no longer waited for. */
  #awaited = 0
  #isSettled = true

  constructor(console: Console, qmp: Qmp) {
    this.list = this.#list
    this.#console = console
    console.onOutput(() => this.#look())
    qmp.onEvent(({ event }) => {
      if (event === 'RESET') this.#over()
    })
  }

  /** The current panic; only a reset or a snapshot ends it. */
  get current(): Panic | undefined {
    return this.#current
  }

  /** Whether the machine will stay in it, according to the kernel. */
  get isFinal(): boolean {
    return this.#current !== undefined && this.#isFinal
  }

  /** The first panic since the last start that nobody has waited for. */
  get next(): Panic | undefined {
    return this.#list.slice(this.#awaited).find(({ isExpected }) => !isExpected)
  }

  /** The error for operations that need a running guest. */
  get error(): BootError | undefined {
    if (!this.#current) return undefined
    return new BootError(`The guest's kernel panicked: ${this.#current.reason}`, {
      consoleTail: this.#console.tail,
      hint: 'The lines before the panic name its cause; "Unable to mount root fs" and "Attempted to kill init" mean a broken image.',
    })
  }

  expect(panic: Panic): void {
    for (const each of this.#list) if (each === panic) each.isExpected = true
    this.#tell()
  }

  /** The machine was restarted, or returned to a snapshot. */
  restart(): void {
    this.#awaited = this.#list.length
    this.#over()
  }

  /** Calls `listener` when a panic begins, is known to be final, or ends. Returns the function that stops it. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  #look(): void {
    const text = this.#console.textSince(this.#seen)
    if (!this.#current) {
      const found = PANIC.exec(text)
      if (!found) {
        // A line may arrive in two pieces.
        const rest = Math.min(text.length - text.lastIndexOf('\n') - 1, LONGEST_LINE)
        this.#seen = this.#console.position - rest
        return
      }
      this.#seen = this.#console.position - text.length + found.index + found[0].length
      const panic = { reason: found[1]?.trim() ?? '', position: this.#console.position, isExpected: false }
      this.#list.push(panic)
      // Its output may arrive after the event of its reset.
      if (!this.#isSettled) return this.#tell()
      this.#current = panic
      this.#isFinal = false
      this.#silence = setTimeout(() => this.#settleOn(true), SILENCE).unref()
      this.#tell()
      return this.#look()
    }
    if (HALTS.test(text)) this.#settleOn(true)
    else if (LEAVES.test(text)) this.#settleOn(false)
    this.#seen = Math.max(this.#seen, this.#console.position - LONGEST_LINE)
  }

  #settleOn(isFinal: boolean): void {
    clearTimeout(this.#silence)
    if (this.#isFinal === isFinal) return
    this.#isFinal = isFinal
    this.#tell()
  }

  #over(): void {
    clearTimeout(this.#silence)
    this.#current = undefined
    this.#isFinal = false
    this.#seen = this.#console.position
    this.#isSettled = false
    // Console and events use different pipes: earlier output is read within this turn of the event loop and the next.
    setImmediate(() => setImmediate(() => (this.#isSettled = true)))
    this.#tell()
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener()
  }
}
