import { constants } from 'node:buffer'
import type { Readable } from 'node:stream'

const FIRST = 64 * 1024
/** Unwritten memory costs nothing, so a big step is cheap and makes copying rare. */
const STEP = 16

/** Collects a stream up to a limit, in one buffer: joining a list of chunks at the end would need twice the memory. */
export function collect(stream: Readable, limit: number, onOver: () => void) {
  const most = Math.min(limit, constants.MAX_LENGTH)
  let memory = Buffer.allocUnsafeSlow(Math.min(FIRST, most))
  let length = 0
  let isOver = false
  stream.on('data', (chunk: Buffer) => {
    const needed = Math.min(length + chunk.length, most)
    if (needed > memory.length) {
      const former = memory
      memory = Buffer.allocUnsafeSlow(Math.min(Math.max(needed, former.length * STEP), most))
      former.copy(memory, 0, 0, length)
    }
    const wasOver = isOver
    isOver ||= length + chunk.length > most
    length += chunk.copy(memory, length)
    if (isOver && !wasOver) onOver()
  })
  const done = new Promise<void>((resolve) => stream.once('close', resolve))
  return {
    get bytes() {
      return memory.subarray(0, length)
    },
    /** Whether the limit was exceeded. */
    get isOver() {
      return isOver
    },
    done,
  }
}
