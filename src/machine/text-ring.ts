/** Small, because V8 copies a block when it is read after an append. */
const BLOCK = 4096

/** The end of a text that grows without limit. Appending costs as much as is appended, reading as much as is read. */
export class TextRing {
  readonly #kept: number
  #blocks: string[] = []
  /** Blocks dropped from the front; removed from the array once they are half of it. */
  #gone = 0
  /** The position of the first block that is kept. */
  #begin = 0
  #end = 0

  /** @param kept characters, at the least */
  constructor(kept: number) {
    this.#kept = kept
  }

  get end(): number {
    return this.#end
  }

  append(text: string): void {
    const last = this.#blocks.at(-1)
    if (last !== undefined && last.length + text.length <= BLOCK) this.#blocks[this.#blocks.length - 1] = last + text
    else if (text !== '') this.#blocks.push(text)
    this.#end += text.length
    for (;;) {
      const first = this.#blocks[this.#gone]
      if (first === undefined || this.#end - this.#begin - first.length < this.#kept) break
      this.#blocks[this.#gone++] = ''
      this.#begin += first.length
    }
    if (this.#gone < this.#blocks.length / 2) return
    this.#blocks = this.#blocks.slice(this.#gone)
    this.#gone = 0
  }

  /** The text appended since a position that `end` returned, as far as it is kept. */
  since(position: number): string {
    const begin = Math.max(position, this.#end - this.#kept, 0)
    let at = this.#end
    let index = this.#blocks.length
    while (index > this.#gone && at > begin) at -= this.#blocks[--index]?.length ?? 0
    return this.#blocks
      .slice(index)
      .join('')
      .slice(Math.max(0, begin - at))
  }
}
