import { createHash } from 'node:crypto'
import { ImageError } from '../../errors.ts'
import { stampOf } from '../../host/files/file-digest.ts'
import { recall, remember } from '../../host/files/remembered-answer.ts'
import { digestOfDisk } from './data-extents.ts'
import type { Progress } from '../image.ts'

/**
 * The digest of a user's disk. The disk is read once, and again when its size or times have changed.
 */
export class DiskDigest {
  readonly #path: string
  /** Whether this process has just read it, so that it need not be verified. */
  #isFresh = false

  constructor(path: string) {
    this.#path = path
  }

  async get(onProgress: Progress, signal?: AbortSignal): Promise<string> {
    const stamp = await stampOf(this.#path)
    const known = recall(this.#name, this.#key(stamp))?.value
    if (known !== undefined) return known
    onProgress(`reading ${this.#path} to compute its digest`)
    const digest = await digestOfDisk(this.#path, signal)
    if ((await stampOf(this.#path)) !== stamp) {
      throw new ImageError(`The image ${this.#path} changed while it was being read`, {
        option: 'image',
        hint: 'Is it being copied, or written to by a running machine? Wait until that is done, or use a copy.',
      })
    }
    remember(this.#name, { key: this.#key(stamp), value: digest })
    this.#isFresh = true
    return digest
  }

  /** Reads it again, before a template is built on it. @throws ImageError */
  async verify(signal?: AbortSignal): Promise<void> {
    if (this.#isFresh) return
    const known = recall(this.#name, this.#key(await stampOf(this.#path)))?.value
    if (known === undefined || (await digestOfDisk(this.#path, signal)) === known) return
    throw new ImageError(
      `The image ${this.#path} is damaged: its content has changed, though its size and times have not`,
      {
        option: 'image',
        hint: 'Fetch it again: the disk of this host may be failing. If the change was intended, touch(1) it.',
      },
    )
  }

  /** The name of the answer in the cache folder. */
  get #name(): string {
    return `disk-${createHash('sha256').update(this.#path).digest('hex').slice(0, 16)}`
  }

  #key(stamp: string): string {
    return `${this.#path} ${stamp}`
  }
}
