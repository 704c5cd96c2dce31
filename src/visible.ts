/** Characters that a terminal may act on, or that may reorder its text; not newline and tab. */
const CONTROL = /(?![\n\t])[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu

/**
 * Text with its control characters escaped as in JavaScript (`\x1b`), for everything shown to a person: a guest may have written a part of
 * it, and terminals act on control sequences (titles, the clipboard, typed-back answers). Line ends are those of Unix.
 */
export function visible(text: string): string {
  return text.replaceAll('\r\n', '\n').replaceAll(CONTROL, (character) => {
    const code = character.codePointAt(0) ?? 0
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
  })
}
