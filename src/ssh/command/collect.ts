import { constants } from 'node:buffer'
import type { Readable } from 'node:stream'

const FIRST = 64 * 1024
/** Memory that is never written to costs nothing, so a big step is cheap, and copying what is there is rare. */
const STEP = 16

/** Keeps what a stream gives, up to a limit. In one piece: a list of chunks that is joined at the end would hold all of it twice. */
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
    /** Whether there was more than that. */
    get isOver() {
      return isOver
    },
    done,
  }
}
