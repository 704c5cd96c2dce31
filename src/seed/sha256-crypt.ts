import { createHash } from 'node:crypto'

const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const LONGEST_SALT = 16

/**
 * A `$5$` password hash, as crypt(3) makes it; the steps are those of https://www.akkadia.org/drepper/SHA-crypt.txt.
 *
 * Our own, because unixcrypt 3.0.4, the one maintained package with sha256-crypt, differs from glibc's crypt() for every
 * password whose length is a multiple of 32 bytes, and `openssl passwd` would be another program.
 * @param salt of `./0-9A-Za-z`; the first 16 characters count
 * @param rounds from 1000, as the specification demands
 */
export function sha256Crypt(password: string, salt: string, rounds: number): string {
  const key = Buffer.from(password)
  const saltBytes = Buffer.from(salt.slice(0, LONGEST_SALT))
  const digest = stretch(key, saltBytes, start(key, saltBytes), rounds)
  return `$5$rounds=${rounds}$${saltBytes.toString()}$${encode(digest)}`
}

/** Steps 1 to 12. */
function start(key: Buffer, salt: Buffer): Buffer {
  const alternate = sha256(key, salt, key)
  const parts = [key, salt, Buffer.alloc(key.length, alternate)]
  for (let bits = key.length; bits > 0; bits >>= 1) parts.push(bits & 1 ? alternate : key)
  return sha256(...parts)
}

/** Steps 13 to 21. */
function stretch(key: Buffer, salt: Buffer, first: Buffer, rounds: number): Buffer {
  const p = Buffer.alloc(key.length, sha256(Buffer.alloc(key.length ** 2, key)))
  const s = Buffer.alloc(salt.length, sha256(Buffer.alloc(salt.length * (16 + first.readUInt8(0)), salt)))
  let digest = first
  for (let round = 0; round < rounds; round++) {
    const odd = round % 2 === 1
    const parts = [odd ? p : digest]
    if (round % 3 !== 0) parts.push(s)
    if (round % 7 !== 0) parts.push(p)
    parts.push(odd ? digest : p)
    digest = sha256(...parts)
  }
  return digest
}

/** Step 22: groups of three bytes in a fixed order, six bits a character, the lowest first. */
function encode(digest: Buffer): string {
  const at = (index: number) => digest.readUInt8(index)
  let text = ''
  // The first group is bytes 0, 10, 20; each next one is the previous one, rotated by one place and moved by one byte.
  for (let group = 0, [a, b, c] = [0, 10, 20]; group < 10; group++, [a, b, c] = [c + 1, a + 1, b + 1]) {
    text += base64((at(a) << 16) | (at(b) << 8) | at(c), 4)
  }
  return text + base64((at(31) << 8) | at(30), 3)
}

function base64(value: number, characters: number): string {
  return Array.from({ length: characters }, (_, index) => ALPHABET[(value >> (6 * index)) & 63]).join('')
}

function sha256(...parts: readonly Buffer[]): Buffer {
  return createHash('sha256').update(Buffer.concat(parts)).digest()
}
