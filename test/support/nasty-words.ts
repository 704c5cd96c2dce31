/** Pieces with a meaning to a shell, a program, or an encoding. */
const PIECES = [
  "'",
  "''",
  '"',
  '\\',
  "\\'",
  '$(touch /tmp/broke-out)',
  '`id`',
  '${HOME}',
  '$$',
  ';',
  '&&',
  '|',
  '>',
  '<(',
  '\n',
  '\r',
  '\r\n',
  '\t',
  ' ',
  '*',
  '?',
  '[a-z]',
  '~',
  '!',
  '!!',
  '#',
  '{a,b}',
  '=',
  '%s',
  '-n',
  '--',
  '\u{1f600}',
  'é',
  '\u0007',
  '\u001b[2J',
  '\u007f',
  '\u0080',
  '\ud83d',
  '\udc00',
  '\uffff',
  '\u2028',
  '\u202e',
]

/** Words of everything that an argument can contain: each piece alone, and mixtures with all kinds of code points. */
export function nastyWords(count: number): string[] {
  const words = ['', ...PIECES, ...PIECES.map((piece) => `-${piece}`)]
  while (words.length < count) {
    const length = 1 + Math.floor(Math.random() * 12)
    words.push(Array.from({ length }, anyPiece).join(''))
  }
  return words.slice(0, count)
}

/** A lone surrogate has no UTF-8 form; it is sent as U+FFFD, as everywhere in Node. */
export function wellFormed(text: string): string {
  return Buffer.from(text).toString()
}

function anyPiece(): string {
  const kind = Math.random()
  if (kind < 0.5) return PIECES[Math.floor(Math.random() * PIECES.length)] ?? ''
  // Half of them ASCII, where a shell's special characters are; never NUL.
  const range = kind < 0.75 ? 0x7f : 0x10ffff
  return String.fromCodePoint(1 + Math.floor(Math.random() * range))
}
