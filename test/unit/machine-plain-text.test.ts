import { expect, test } from 'vitest'
import { PlainText } from '../../src/machine/console.ts'

function plain(...pieces: string[]): string {
  const text = new PlainText()
  return pieces.map((piece) => text.push(piece)).join('')
}

test.for<[string, string]>([
  ['\x1b[32mOK\x1b[0m', 'OK'],
  ['\x1b]0;a title with spaces\x07x', 'x'],
  ['\x1b]8;;http://x/\x1b\\link\x1b]8;;\x1b\\', 'link'],
  ['\x1bP1$r0m\x1b\\x', 'x'],
  ['\x9b2Jx\x9d0;t\x9cy', 'xy'],
  ['\x1bc\x1b(B\x1b7x', 'x'],
  ['a\x07b\bc\0d\re\r\n\tf', 'abcde\n\tf'],
  // The rest of a sequence inside another is not a sequence.
  ['\x1b\x1b[m[31mx', '[31mx'],
])('%j is %j, in one piece and in many', ([text, expected]) => {
  expect(plain(text)).toBe(expected)
  expect(plain(...text)).toBe(expected)
})

test('a prompt appears without waiting for more, whatever came before it', () => {
  expect(plain('\x1b[0mlogin: ')).toBe('login: ')
  expect(plain('\x1b\x01 login: ')).toBe(' login: ')
  expect(plain('\x1b[')).toBe('')
})

test('takes time proportional to the length of the text, whatever it contains', () => {
  const startedAt = performance.now()
  for (const each of ['\x9d', '\x1b]', '\x1b[', '\x1b', '\x1b[0;', '\x1b ', '\x9b1']) plain(each.repeat(500_000))
  expect(performance.now() - startedAt).toBeLessThan(10_000)
})

test('an unterminated sequence hides no more than its limit', () => {
  const text = 'x'.repeat(10_000)
  expect(plain(`\x1b]0;${text}`).length).toBeGreaterThan(9000)
  expect(plain(...`\x1b]0;${text}`).length).toBeGreaterThan(9000)
  expect(plain('\x1b]0;title', '\nnext\n')).toBe(']0;title\nnext\n')
})
