import { createHash, type Hash } from 'node:crypto'
import { constants } from 'node:fs'
import { open, type FileHandle } from 'node:fs/promises'
import type { Digest } from '../../options/image.ts'

/** Bytes that are written at once. */
const BATCH = 1024 * 1024

/** A file that is being downloaded, and the digest of its content so far, with what an earlier process has left. */
export class PartFile implements AsyncDisposable {
  readonly #file: FileHandle
  readonly #algorithm: string
  #hash: Hash
  #size = 0
  #batch: Buffer[] = []
  #batched = 0
  /** The next batch arrives while one is written. */
  #writing: Promise<void> = Promise.resolve()

  /** Reads what exists already. */
  static async open(path: string, digest: Digest, signal?: AbortSignal): Promise<PartFile> {
    const file = await open(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600)
    const part = new PartFile(file, digest)
    try {
      await part.#readThrough(signal)
      return part
    } catch (error) {
      await file.close()
      throw error
    }
  }

  private constructor(file: FileHandle, digest: Digest) {
    this.#file = file
    this.#algorithm = digest.split(':')[0] ?? ''
    this.#hash = createHash(this.#algorithm)
  }

  /** Bytes, including those yet to be written. */
  get size(): number {
    return this.#size
  }

  /** Resolves when it can take more. @throws the file system's error, of this or an earlier write */
  async append(chunk: Buffer): Promise<void> {
    this.#batch.push(chunk)
    this.#batched += chunk.length
    this.#size += chunk.length
    if (this.#batched >= BATCH) await this.#write()
  }

  async flush(): Promise<void> {
    await this.#write()
    await this.#writing
  }

  async restart(): Promise<void> {
    await this.flush()
    await this.#file.truncate()
    this.#hash = createHash(this.#algorithm)
    this.#size = 0
  }

  /** Of the whole. */
  async digest(): Promise<string> {
    await this.flush()
    return `${this.#algorithm}:${this.#hash.copy().digest('hex')}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#writing.catch(() => {})
    await this.#file.close()
  }

  async #write(): Promise<void> {
    const batch = this.#batch
    const position = this.#size - this.#batched
    this.#batch = []
    this.#batched = 0
    await this.#writing
    if (batch.length === 0) return
    this.#writing = this.#writeAll(batch, position)
    // The next write or flush reports it.
    this.#writing.catch(() => {})
    for (const chunk of batch) this.#hash.update(chunk)
  }

  async #writeAll(batch: Buffer[], position: number): Promise<void> {
    const { bytesWritten } = await this.#file.writev(batch, position)
    const size = batch.reduce((sum, { length }) => sum + length, 0)
    if (bytesWritten === size) return
    // The disk is full, which writing the rest will report.
    const all = Buffer.concat(batch)
    for (let at = bytesWritten; at < size;) {
      at += (await this.#file.write(all, at, size - at, position + at)).bytesWritten
    }
  }

  async #readThrough(signal: AbortSignal | undefined): Promise<void> {
    const buffer = Buffer.allocUnsafe(BATCH)
    for (;;) {
      signal?.throwIfAborted()
      const { bytesRead } = await this.#file.read(buffer, 0, BATCH, this.#size)
      if (bytesRead === 0) return
      this.#hash.update(buffer.subarray(0, bytesRead))
      this.#size += bytesRead
    }
  }
}
