/** What begins a sequence that has a text and an end of its own: OSC, DCS, SOS, PM, APC. No text has another beginning in it. */
const STRING = String.raw`(?:\x1b[\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\n\x80-\x9f]{0,512}`
const CSI = String.raw`(?:\x1b\[|\x9b)[0-?]{0,64}[ -/]{0,8}`
const SHORT = String.raw`\x1b[ -/]{0,2}`

/** Escape sequences of ECMA-48 and xterm, each in bounds: one that never ends hides no more than that. */
const SEQUENCE = new RegExp(`${CSI}[@-~]|${STRING}(?:\\x07|\\x1b\\\\|\\x9c)|${SHORT}[0-OQ-WYZ\\\\\`a-~]`, 'g')
/** One that is not complete yet, at the end. */
const BEGINNING = new RegExp(`(?:${CSI}|${STRING}\\x1b?|${SHORT})$`)
/** The longest of these. */
const LONGEST = 520
const CONTROL = /(?![\n\t])\p{Cc}/gu

/** Takes the escape sequences and control characters, but for line ends and tabs, out of text that comes in pieces. */
export class PlainText {
  #rest = ''

  /** Returns what is plain of a piece. The beginning of a sequence at its end waits for the next. */
  push(piece: string): string {
    const text = (this.#rest + piece).replaceAll(SEQUENCE, '')
    this.#rest = BEGINNING.exec(text.slice(-LONGEST))?.[0] ?? ''
    return text.slice(0, text.length - this.#rest.length).replaceAll(CONTROL, '')
  }
}
