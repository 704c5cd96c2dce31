import { Transform, type TransformCallback } from 'node:stream'

/** Takes the first line of a stream away, which is a pid, and lets all else through as it is. */
export class PidLine extends Transform {
  pid: number | undefined
  readonly #onPid: (pid: number) => void
  #line = Buffer.alloc(0)

  constructor(onPid: (pid: number) => void) {
    super()
    this.#onPid = onPid
  }

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    if (this.pid !== undefined) return done(null, chunk)
    const bytes = Buffer.concat([this.#line, chunk])
    const lineEnd = bytes.indexOf('\n')
    if (lineEnd === -1) {
      this.#line = bytes
      return done()
    }
    this.pid = Number(bytes.subarray(0, lineEnd).toString())
    this.#onPid(this.pid)
    done(null, bytes.subarray(lineEnd + 1))
  }
}
