import { execFileSync } from 'node:child_process'
import { describe, expect, test } from 'vitest'
import { sha256Crypt } from '../../src/seed/sha256-crypt.ts'

/** Those of https://www.akkadia.org/drepper/SHA-crypt.txt; the first without its implied `rounds=5000$`. */
const PUBLISHED: [password: string, salt: string, rounds: number, hash: string][] = [
  ['Hello world!', 'saltstring', 5000, 'saltstring$5B8vYYiY.CVt1RlTTf8KbXBH3hsxY/GNooZaBBGWEc5'],
  ['Hello world!', 'saltstringsaltstring', 10_000, 'saltstringsaltst$3xv.VbSHBb41AL9AvLeujZkZRBAwqFMz2.opqey6IcA'],
  ['This is just a test', 'toolongsaltstring', 5000, 'toolongsaltstrin$Un/5jzAHMgOGZ5.mWJpuVolil07guHPvOW8mGRcvxa5'],
  [
    'a very much longer text to encrypt.  This one even stretches over morethan one line.',
    'anotherlongsaltstring',
    1400,
    'anotherlongsalts$Rx.j8H.h8HjEDGomFU8bDkXm3XIUnzyxf12oP84Bnq1',
  ],
  [
    'we have a short salt string but not a short password',
    'short',
    77_777,
    'short$JiO1O3ZpDAxGJeaDIuqCoEFysAe1mZNJRs3pw0KQRd/',
  ],
  ['a short string', 'asaltof16chars..', 123_456, 'asaltof16chars..$gP3VQ/6X7UUEW3HkBn2w1/Ptq2jxPyzV/cZKmF/wJvD'],
]

test.each(PUBLISHED)('%o with salt %s and %i rounds, as published', (password, salt, rounds, hash) => {
  expect(sha256Crypt(password, salt, rounds)).toBe(`$5$rounds=${rounds}$${hash}`)
})

describe('the same as the crypt() of this machine', () => {
  // Around multiples of the digest's 32 bytes, where other implementations go wrong, and beyond ASCII.
  test.each([0, 1, 15, 16, 31, 32, 33, 63, 64, 65, 96, 100])('for %i characters', (length) => {
    for (const password of ['x'.repeat(length), 'é'.repeat(length)]) {
      const settings = '$5$rounds=1000$NaCl.salt/1234'
      const expected = execFileSync('perl', ['-e', 'print crypt($ARGV[0], $ARGV[1])', '--', password, settings])
      expect(sha256Crypt(password, 'NaCl.salt/1234', 1000)).toBe(expected.toString())
    }
  })
})
