import { megabytes } from './download-errors.ts'
import type { Progress } from '../image.ts'

/** Milliseconds between two lines. */
const SAY_EVERY = 5000
/** Milliseconds between two reports to waiting processes. */
const TELL_EVERY = 1000
/** The weight of the last second in the displayed rate. */
const WEIGHT = 0.3

/** The progress of a download, as lines such as `ubuntu-24.04: downloading, 43 % of 612 MB, 12.3 MB/s, 28 s left`. */
export class DownloadProgress implements Disposable {
  readonly #label: string
  readonly #onProgress: Progress
  readonly #tell: (state: string) => Promise<void>
  readonly #timer: NodeJS.Timeout
  readonly #startedAt = performance.now()
  #saidAt = performance.now()
  #lookedAt = performance.now()
  #at = 0
  #before = 0
  #total: number | undefined
  #rate: number | undefined

  constructor(label: string, onProgress: Progress, tell: (state: string) => Promise<void>) {
    this.#label = label
    this.#onProgress = onProgress
    this.#tell = tell
    this.#timer = setInterval(() => this.#look(), TELL_EVERY)
    this.#timer.unref()
  }

  /** Sets the starting position, and the total if it is known. */
  begin(at: number, total: number | undefined): void {
    this.#at = this.#before = at
    this.#total = total
    this.#lookedAt = this.#saidAt = performance.now()
    this.say(`downloading, ${this.#state}`)
  }

  at(bytes: number): void {
    this.#at = bytes
  }

  say(what: string): void {
    this.#onProgress(`${this.#label}: ${what}`)
  }

  done(): void {
    const ms = performance.now() - this.#startedAt
    this.say(`downloaded ${megabytes(this.#at)} in ${Math.round(ms / 1000)} s`)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const now = performance.now()
    const rate = ((this.#at - this.#before) / (now - this.#lookedAt)) * 1000
    this.#rate = this.#rate === undefined ? rate : this.#rate * (1 - WEIGHT) + rate * WEIGHT
    this.#before = this.#at
    this.#lookedAt = now
    // Waiting processes need not hear of a full disk.
    this.#tell(this.#state).catch(() => {})
    if (now - this.#saidAt < SAY_EVERY) return
    this.#saidAt = now
    this.say(`downloading, ${this.#state}`)
  }

  get #state(): string {
    return progressText({ at: this.#at, total: this.#total, rate: this.#rate })
  }
}

/** `43 % of 612 MB, 12.3 MB/s, 28 s left`, as far as it is known. */
function progressText({
  at,
  total,
  rate,
}: {
  at: number
  total: number | undefined
  rate?: number | undefined
}): string {
  const share = total ? `${Math.min(100, Math.floor((at / total) * 100))} % of ${megabytes(total)}` : megabytes(at)
  if (rate === undefined) return share
  const speed = `${share}, ${(rate / 1e6).toFixed(1)} MB/s`
  return total && rate > 0 ? `${speed}, ${timeText((total - at) / rate)} left` : speed
}

function timeText(seconds: number): string {
  return seconds < 120 ? `${Math.ceil(Math.max(0, seconds))} s` : `${Math.ceil(seconds / 60)} min`
}
