import { ImageError } from '../../errors.ts'
import { withoutPassword } from './http-get.ts'
import type { Wanted } from './wanted.ts'

/** The download has the wrong digest. */
export class DigestError extends ImageError {}

export function wrongDigest(wanted: Wanted, found: string, bytes: number): DigestError {
  const { label, digest } = wanted
  const url = withoutPassword(wanted.url)
  const fate = isAdded(wanted) ? 'It was not added' : 'It has been deleted'
  return new DigestError(`The image ${label} has the wrong digest: expected ${digest}, got ${found}`, {
    option: 'image',
    lastSeen: found,
    hint: `${url} has ${bytes} bytes. ${fate}: somebody changed it, or the digest is that of another file.`,
  })
}

/** All attempts have failed: one error with everything needed to fetch the file by hand. */
export function unreachable(
  wanted: Wanted,
  { why, attempts, cause }: { why: string; attempts: number; cause: unknown },
): ImageError {
  const { label, name, digest } = wanted
  const url = withoutPassword(wanted.url)
  const tries = attempts === 1 ? '' : ` (${attempts} attempts)`
  return new ImageError(
    `The image ${label} could not be downloaded from ${url}: ${why}${tries}; its digest is ${digest}`,
    {
      option: 'image',
      lastSeen: why,
      attempts,
      cause,
      hint: isAdded(wanted)
        ? 'Is the path right?'
        : `Behind a proxy, set HTTPS_PROXY. Without a network, fetch it elsewhere, then run: npx vitest-guest image add ${name ?? digest} FILE`,
    },
  )
}

/** The server has answered, and would give the same answer again. */
export function refused(wanted: Wanted, what: string, isGone = false): ImageError {
  const { label, ifGone } = wanted
  const url = withoutPassword(wanted.url)
  return new ImageError(`The image ${label} could not be ${isAdded(wanted) ? 'added' : 'downloaded'}: ${url} ${what}`, {
    option: 'image',
    lastSeen: what,
    hint: isGone ? (ifGone ?? 'Is the URL right?') : 'Open the URL in a browser to see what is there.',
  })
}

export function noSpace(
  label: string,
  folder: string,
  facts: { needed?: number; free?: number; cause?: unknown },
): ImageError {
  const { needed, free, cause } = facts
  const has = free === undefined ? 'is full' : `has ${megabytes(free)} free`
  const needs = needed === undefined ? '' : `, but ${megabytes(needed)} is needed`
  return new ImageError(`No space for the image ${label}: ${folder} ${has}${needs}`, {
    option: 'image',
    code: 'ENOSPC',
    cause,
    hint: 'Free some space there (npx vitest-guest gc), or set VITEST_GUEST_CACHE to a folder with more.',
  })
}

/** Whether it was fetched by the user, and is only copied. */
export function isAdded({ origin }: Wanted): boolean {
  return origin !== undefined
}

export function isNoSpace(error: unknown): boolean {
  const { code, stderr = '' } = (error ?? {}) as { code?: string; stderr?: string }
  return code === 'ENOSPC' || code === 'EDQUOT' || /No space left on device|Disk quota exceeded/.test(stderr)
}

/** `612 MB`, decimal as in curl and on the vendors' pages. */
export function megabytes(bytes: number): string {
  return bytes < 1e7 ? `${(bytes / 1e6).toFixed(1)} MB` : `${Math.round(bytes / 1e6)} MB`
}
