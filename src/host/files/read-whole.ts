import { createReadStream } from 'node:fs'
import { finished } from 'node:stream/promises'
import { HostError } from '../../errors.ts'

/** Large enough to read a big file in few turns of the event loop. */
const CHUNK = 256 * 1024

/**
 * Reads the first `size` bytes of a file, so that growth in the meantime does not matter. `done` resolves when all of it has been read; `kill`
 * closes it before that.
 * @throws what the file system says; HostError when there was less than expected
 */
export function readWhole(path: string, size: number) {
  const output = createReadStream(path, { end: size - 1, highWaterMark: CHUNK })
  const done = finished(output).then(() => {
    if (output.bytesRead === size) return
    const what = `${path} shrank while it was read: only ${output.bytesRead} of ${size} bytes are left`
    throw new HostError(what, { path })
  })
  done.catch(() => {})
  const kill = async () => {
    output.destroy()
    await done.catch(() => {})
  }
  return { output, done, kill }
}
