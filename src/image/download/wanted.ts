import { basename } from 'node:path'
import type { Digest, RemoteImage } from '../../options/image.ts'
import type { VendorImageName } from '../../options/vendor-images.ts'
import { withoutPassword } from './http-get.ts'

export interface Wanted {
  /** Of a vendor's image. */
  readonly name?: VendorImageName
  /** For messages. */
  readonly label: string
  readonly url: string
  /** Where it is from, if not from the URL: the user has fetched it. */
  readonly origin?: string
  /** Of the file at the URL. */
  readonly digest: Digest
  /** What to do if it no longer exists. */
  readonly ifGone?: string
  /** Milliseconds that a server may be silent. @default 30_000 */
  readonly silenceMs?: number
}

export function wantedRemote({ url, digest }: RemoteImage): Wanted {
  return { label: withoutPassword(url), url, digest }
}

/** The name of an image in the cache: its own, or that of the file at its URL. */
export function plainName({ name, label }: Pick<Wanted, 'name' | 'label'>): string {
  return name ?? basename(URL.parse(label)?.pathname ?? label)
}
