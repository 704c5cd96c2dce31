import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { GuestError } from '../../src/errors.ts'
import { commandFrom, quote } from '../../src/ssh/quote.ts'
import { nastyWords, wellFormed } from '../support/nasty-words.ts'

const command = (strings: TemplateStringsArray, ...values: unknown[]) => commandFrom(strings, values)

/** The words that a real shell makes of the text. */
function wordsOf(text: string, shell = '/bin/sh'): string[] {
  return execFileSync(shell, ['-c', `printf '%s\\0' ${text}`], { encoding: 'utf8' })
    .split('\0')
    .slice(0, -1)
}

describe('quote', () => {
  test.each([
    ['plain', "'plain'"],
    ['', "''"],
    [7, "'7'"],
    ["it's", `'it'\\''s'`],
  ])('%o becomes %s', (value, quoted) => {
    expect(quote(value)).toBe(quoted)
  })

  test.each([
    '$(reboot)',
    '`id`',
    '"',
    "'",
    "''",
    '\\',
    "\\'",
    '-n',
    '~',
    '*',
    '!',
    '#',
    'a\nb',
    '\n',
    ' ',
    '\t',
    '\u{1f600}é',
    'if',
  ])('a shell gives %o back', (value) => {
    expect(wordsOf(quote(value))).toEqual([value])
  })

  test('refuses NUL, which would end the word', () => {
    expect(() => quote('a\0b')).toThrow(GuestError)
  })
})

describe('commandFrom', () => {
  test('quotes each value, and makes each item of a list a word', () => {
    const file = "/tmp/it's here"
    expect(command`cp ${file} /etc/`).toBe(`cp '/tmp/it'\\''s here' /etc/`)
    expect(command`rm ${['a b', 'c']} ${3}`).toBe(`rm 'a b' 'c' '3'`)
    expect(command`ls ${[]} -l`).toBe('ls  -l')
  })

  test('joins a value to the text around it', () => {
    expect(wordsOf(command`/srv/${'my dir'}/x${1}.txt`)).toEqual(['/srv/my dir/x1.txt'])
  })

  test("takes the template's text as in a shell script", () => {
    expect(command`grep 'a\.b' | awk '{print "\t"}'`).toBe(String.raw`grep 'a\.b' | awk '{print "\t"}'`)
    expect(command`echo \`id\` \${HOME}`).toBe('echo `id` ${HOME}')
  })

  test.each([[undefined], [null], [{}], [Number.NaN], [true], [['a', undefined]]])('refuses %o', (value) => {
    expect(() => command`echo ${value}`).toThrow(/must be a string, a number, or an array/)
  })

  test('refuses a value inside quotes of the template, where it would not be safe', () => {
    const value = '$(reboot)'
    expect(() => command`echo "${value}"`).toThrow(/is inside " quotes/)
    expect(() => command`echo '${value}'`).toThrow(/is inside ' quotes/)
    expect(() => command`echo "a\"${value}"`).toThrow(/is inside " quotes/)
    expect(() => command`echo ${'x'} "then ${value}"`).toThrow(/is inside " quotes/)
    expect(() => command`echo "it's" 'a "word"' \" \' ${value}`).not.toThrow()
  })
})

describe.each(['/bin/sh', '/bin/bash'])('nothing escapes in %s', (shell) => {
  const words = nastyWords(400)

  test('a value is one word, whatever it contains', () => {
    const got = wordsOf(command`${words[0]} ${words.slice(1)}`, shell)
    expect(got).toEqual(words.map(wellFormed))
  })

  test('also between other text of the template', () => {
    for (let index = 0; index + 2 < 60; index += 3) {
      const [one = '', two = '', three = ''] = words.slice(index)
      const text = command`pre${one}${two}/post 'q' ${[three, one]}; printf 'end\0'`
      const expected = [`pre${wellFormed(one)}${wellFormed(two)}/post`, 'q', three, one, 'end'].map(wellFormed)
      expect(wordsOf(text, shell)).toEqual(expected)
    }
  })

  test('the generator produces the words that it promises', () => {
    const all = words.join('')
    for (const each of [
      "'",
      '"',
      '\\',
      '$(',
      '`',
      '\n',
      '\r',
      '*',
      '\u{1f600}',
      '\u0007',
      '\ud83d',
      '\u007f',
      '\u0080',
    ]) {
      expect(all).toContain(each)
    }
    expect(words).toContain('')
    expect(words.some((word) => word.startsWith('-'))).toBe(true)
  })
})
