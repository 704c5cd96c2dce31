import { GuestError } from '../../errors.ts'
import { imageMirror } from '../../host/environment.ts'

/**
 * Where to get a vendor's file: from its URL, or from below the mirror, where `wget --force-directories` puts it, which is the
 * host's name and the path.
 * @throws GuestError when the mirror is not a URL
 */
export function mirrored(url: string, base = imageMirror()): string {
  if (base === undefined) return url
  const parsed = URL.parse(base)
  if (!parsed || !['http:', 'https:', 'file:'].includes(parsed.protocol)) {
    throw new GuestError(
      `VITEST_GUEST_IMAGE_MIRROR must be a URL that begins with http:, https: or file:; got ${base}`,
      {
        hint: 'Set it to, for instance, https://mirror.example.org/images; an image is then below it by the host and path of its own URL.',
      },
    )
  }
  const { host, pathname } = new URL(url)
  parsed.pathname = `${parsed.pathname.replace(/\/+$/, '')}/${host}${pathname}`
  return parsed.href
}
