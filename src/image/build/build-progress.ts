import type { Progress } from '../image.ts'

/** Milliseconds between two lines of the same phase. */
const REPEAT_EVERY = 5000

interface Phase {
  /** The beginning of a line that starts it; the first phase needs none. */
  readonly line?: string
  readonly phase: string
  /** How many lines apt writes per package in it. */
  readonly linesPerPackage: number
}

const MAKING = { line: 'I: running --customize-hook', phase: 'making the disk', linesPerPackage: 0 }
/** The phases of a build, by what mmdebstrap (1.3.5, `--verbose`) says at their beginnings. */
export const FROM_NOTHING: readonly Phase[] = [
  { phase: 'downloading the base system', linesPerPackage: 1 },
  { line: 'I: extracting archives', phase: 'installing the base system', linesPerPackage: 2 },
  { line: 'I: installing remaining packages', phase: 'installing packages', linesPerPackage: 3 },
  MAKING,
]
/** Of one that adds packages to an image. */
export const FROM_TREE: readonly Phase[] = [
  { phase: 'unpacking the base system', linesPerPackage: 0 },
  { line: 'I: running --essential-hook', phase: 'installing packages', linesPerPackage: 3 },
  MAKING,
]
const NUMBER_OF_PACKAGES = /^\d+ upgraded, (\d+) newly installed/
const STEP = /^(?:Get:|Unpacking |Setting up )/

/** Turns the output of mmdebstrap and apt into lines such as `debian-12: 3/4 installing packages, 62 % (41 s)`. */
export class BuildProgress implements AsyncDisposable {
  readonly #label: string
  readonly #onProgress: Progress
  readonly #startedAt = performance.now()
  readonly #timer: NodeJS.Timeout
  #phases: readonly Phase[] = []
  #at = 0
  #packages = 0
  #steps = 0

  constructor(label: string, onProgress: Progress) {
    this.#label = label
    this.#onProgress = onProgress
    this.#timer = setInterval(() => this.#tell(), REPEAT_EVERY)
  }

  /** Begins with the first of the phases. */
  begin(phases: readonly Phase[]): void {
    this.#phases = phases
    this.#packages = 0
    this.#enter(0)
  }

  /** A line of output from mmdebstrap and its children. */
  line(line: string): void {
    const start = this.#phases.findIndex(({ line: beginning }) => beginning !== undefined && line.startsWith(beginning))
    if (start > this.#at) this.#enter(start)
    const packages = NUMBER_OF_PACKAGES.exec(line)
    if (packages) this.#packages = Number(packages[1])
    else if (STEP.test(line)) this.#steps++
  }

  done(): void {
    this.#onProgress(`${this.#label}: built in ${this.#seconds} s`)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer)
  }

  #enter(phase: number): void {
    this.#at = phase
    this.#steps = 0
    this.#tell()
  }

  #tell(): void {
    const phase = this.#phases[this.#at]
    if (!phase) return
    const step = `${this.#at + 1}/${this.#phases.length}`
    this.#onProgress(`${this.#label}: ${step} ${phase.phase}${this.#share(phase)} (${this.#seconds} s)`)
  }

  #share({ linesPerPackage }: Phase): string {
    const all = this.#packages * linesPerPackage
    return all > 0 && this.#steps > 0 ? `, ${Math.min(100, Math.round((this.#steps / all) * 100))} %` : ''
  }

  get #seconds(): number {
    return Math.round((performance.now() - this.#startedAt) / 1000)
  }
}
