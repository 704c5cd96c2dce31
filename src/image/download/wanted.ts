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
  /** Where it is from, if that is not the URL: somebody has fetched it. */
  readonly origin?: string
  /** Of what is at the URL. */
  readonly digest: Digest
  /** What to do when it is not there any more. */
  readonly ifGone?: string
  /** Milliseconds in which a server has to say something. @default 30_000 */
  readonly silenceMs?: number
}

export function wantedRemote({ url, digest }: RemoteImage): Wanted {
  return { label: withoutPassword(url), url, digest }
}

/** What an image is called in the cache: by its name, or by that of the file at its URL. */
export function plainName({ name, label }: Pick<Wanted, 'name' | 'label'>): string {
  return name ?? basename(URL.parse(label)?.pathname ?? label)
}
