/** Names of what an archive held, as tar shows them, and how many there were of each kind. */
export interface LeftOut {
  readonly devices: Names
  readonly specialBits: Names
}

export interface Names {
  count: number
  first: string | undefined
}

/** `-vv` and `--numeric-owner`: type and permissions, owner, size or device number, day, time, name. */
const MEMBER = /^([-a-zA-Z]\S{9}) \d+\/\d+ +(\S+) \S+ \S+ (.*)/
/** Of one line: what comes after is the end of a long name. */
const KEPT = 512
/** What a header takes. */
const HEADER = 512
const LINE_END = 0x0a

/** Reads what tar tells of each member of an archive, and adds up their sizes. */
export class TarListing {
  readonly leftOut: LeftOut = { devices: { count: 0, first: undefined }, specialBits: { count: 0, first: undefined } }
  readonly #maxBytes: number
  readonly #onTooMuch: () => void
  #bytes = 0
  #line = ''

  constructor(maxBytes: number, onTooMuch: () => void) {
    this.#maxBytes = maxBytes
    this.#onTooMuch = onTooMuch
  }

  read(chunk: Buffer): void {
    for (let start = 0; start < chunk.length;) {
      const end = chunk.indexOf(LINE_END, start)
      const stop = end === -1 ? chunk.length : end
      if (this.#line.length < KEPT) this.#line += chunk.toString('latin1', start, Math.min(stop, start + KEPT))
      if (end !== -1) this.#onLine()
      start = stop + 1
    }
  }

  #onLine(): void {
    const line = Buffer.from(this.#line, 'latin1').toString()
    const [, mode = '', size = '', name = ''] = MEMBER.exec(line) ?? []
    this.#line = ''
    if (mode.startsWith('b') || mode.startsWith('c')) note(this.leftOut.devices, name)
    // A hard link has those of the file that it leads to.
    else if (/[sStT]/.test(mode.slice(1)) && !mode.startsWith('h')) note(this.leftOut.specialBits, name)
    this.#bytes += HEADER + (/^\d+$/.test(size) ? Number(size) : 0)
    if (this.#bytes > this.#maxBytes) this.#onTooMuch()
  }
}

function note(names: Names, name: string): void {
  names.count++
  names.first ??= name
}
