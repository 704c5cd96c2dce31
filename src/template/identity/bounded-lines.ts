import { EventEmitter } from 'node:events'
import type { Readable } from 'node:stream'

/** Bytes of a line that are kept; the resume agent's own have some hundreds. */
const LONGEST = 64 * 1024

/** Emits each line (`'line'`) like readline, but keeps only its first 64 KiB, because it comes from the guest. */
export function boundedLines(stream: Readable): EventEmitter<{ line: [string] }> {
  const lines = new EventEmitter<{ line: [string] }>()
  let parts: Buffer[] = []
  let length = 0
  stream.on('error', () => {})
  stream.on('data', (chunk: Buffer) => {
    let begin = 0
    for (let end = chunk.indexOf(10); begin <= chunk.length; end = chunk.indexOf(10, begin)) {
      const part = chunk.subarray(begin, end === -1 ? undefined : end).subarray(0, LONGEST - length)
      // A copy: a small part would keep the whole chunk.
      if (part.length > 0) parts.push(Buffer.from(part))
      length += part.length
      if (end === -1) return
      const line = Buffer.concat(parts).toString().replace(/\r$/, '')
      parts = []
      length = 0
      begin = end + 1
      lines.emit('line', line)
    }
  })
  return lines
}
