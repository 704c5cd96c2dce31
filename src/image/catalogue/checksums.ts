import type { Digest } from '../../options/image.ts'
import type { Latest } from './entry.ts'

const DIGITS = { sha256: 64, sha512: 128 } as const

/**
 * The digest of an image in a vendor's checksum file. A single digest is that of the image, whatever its name: the file beside a link
 * often has the name of the build that the link leads to.
 */
export function findChecksum(text: string, { url, format, algorithm }: Latest): Digest | undefined {
  const name = decodeURIComponent(new URL(url).pathname.split('/').at(-1) ?? '')
  const found = new Map(matches(text, format, algorithm).map(({ of = name, digest }) => [of, digest.toLowerCase()]))
  const [only, ...more] = found.values()
  const digest = found.get(name) ?? (more.length === 0 ? only : undefined)
  return digest === undefined ? undefined : `${algorithm}:${digest}`
}

interface Match {
  readonly digest: string
  /** The name of the file; undefined where there is none. */
  readonly of?: string | undefined
}

function matches(text: string, format: Latest['format'], algorithm: Latest['algorithm']): Match[] {
  const digest = `(?<digest>[0-9a-f]{${DIGITS[algorithm]}})`
  const lines = {
    gnu: `^${digest} [ *](?:\\./)?(?<of>.+)$`,
    bsd: `^${algorithm} \\((?<of>.+)\\) = ${digest}$`,
    bare: `^${digest}\\s*$`,
  }
  const found = text.replaceAll('\r', '').matchAll(RegExp(lines[format], 'gim'))
  return [...found].map(({ groups }) => groups as unknown as Match)
}
