import type { Progress } from '../image.ts'

/** Milliseconds between two lines of the same phase. */
const REPEAT_EVERY = 5000

/** The lines with which mmdebstrap (1.3.5, `--verbose`) starts a phase, and how many lines apt writes per package in it. */
const STARTS = [
  { line: 'I: downloading packages with apt', phase: 'downloading the base system', linesPerPackage: 1 },
  { line: 'I: extracting archives', phase: 'installing the base system', linesPerPackage: 2 },
  { line: 'I: installing remaining packages', phase: 'installing packages', linesPerPackage: 3 },
  { line: 'I: running --customize-hook', phase: 'making the disk', linesPerPackage: 0 },
] as const
const NUMBER_OF_PACKAGES = /^\d+ upgraded, (\d+) newly installed/
const STEP = /^(?:Get:|Unpacking |Setting up )/

/** Turns the output of mmdebstrap and apt into lines such as `debian-12: 3/4 installing packages, 62 % (41 s)`. */
export class BuildProgress implements AsyncDisposable {
  readonly #label: string
  readonly #onProgress: Progress
  readonly #startedAt = performance.now()
  readonly #timer: NodeJS.Timeout
  #phase: (typeof STARTS)[number] = STARTS[0]
  #packages = 0
  #steps = 0

  constructor(label: string, onProgress: Progress) {
    this.#label = label
    this.#onProgress = onProgress
    this.#timer = setInterval(() => this.#tell(), REPEAT_EVERY)
    this.#tell()
  }

  /** A line of output from mmdebstrap and its children. */
  line(line: string): void {
    const start = STARTS.find((start) => line.startsWith(start.line))
    if (start !== undefined && start !== this.#phase) {
      this.#phase = start
      this.#steps = 0
      this.#tell()
    }
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

  #tell(): void {
    const step = `${STARTS.indexOf(this.#phase) + 1}/${STARTS.length}`
    this.#onProgress(`${this.#label}: ${step} ${this.#phase.phase}${this.#share} (${this.#seconds} s)`)
  }

  get #share(): string {
    const all = this.#packages * this.#phase.linesPerPackage
    return all > 0 && this.#steps > 0 ? `, ${Math.min(100, Math.round((this.#steps / all) * 100))} %` : ''
  }

  get #seconds(): number {
    return Math.round((performance.now() - this.#startedAt) / 1000)
  }
}
