/** All that a terminal may obey, or that may reorder what it shows; not the line end and the tab. */
const CONTROL = /(?![\n\t])[\p{Cc}\p{Bidi_Control}\u2028\u2029]/gu

/**
 * Text with its control characters spelt as in JavaScript (`\x1b`), for whatever is shown to a person: a guest may have written a
 * part of it, and a terminal obeys what it is sent (titles, the clipboard, answers typed back). Line ends are those of Unix.
 */
export function visible(text: string): string {
  return text.replaceAll('\r\n', '\n').replaceAll(CONTROL, (character) => {
    const code = character.codePointAt(0) ?? 0
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u${code.toString(16).padStart(4, '0')}`
  })
}
