/** Bytes of a datagram's length prefix. */
const LENGTH = 2
/** Bytes; what fits into the prefix, and into UDP. */
const LONGEST = 65_535

export function frame(datagram: Uint8Array): Buffer {
  const length = Buffer.alloc(LENGTH)
  length.writeUInt16BE(Math.min(datagram.length, LONGEST))
  return Buffer.concat([length, datagram.subarray(0, LONGEST)])
}

export class Frames {
  #rest: Buffer = Buffer.alloc(0)

  /** Returns the datagrams that this chunk completes. */
  read(chunk: Buffer): Buffer[] {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const datagrams: Buffer[] = []
    let at = 0
    while (bytes.length - at >= LENGTH) {
      const end = at + LENGTH + bytes.readUInt16BE(at)
      if (end > bytes.length) break
      datagrams.push(bytes.subarray(at + LENGTH, end))
      at = end
    }
    this.#rest = bytes.subarray(at)
    return datagrams
  }
}
