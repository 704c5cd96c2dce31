import type { Digest } from '../../options/image.ts'

/** Where a release of a vendor is, and what it is known by. */
export interface Entry {
  /** One build. */
  readonly pinned?: { readonly url: string; readonly digest: Digest }
  /** The newest build, under a name that stays. */
  readonly latest?: Latest
  /** In what it differs from others, as far as it matters to a guest. */
  readonly quirks?: readonly Quirk[]
}

export interface Latest {
  readonly url: string
  /** The file that has its digest. */
  readonly checksums: string
  /**
   * What that file looks like: `gnu` is `DIGEST  NAME` (sha256sum), `bsd` is `SHA256 (NAME) = DIGEST` (sha256sum --tag), with or
   * without a PGP signature around it, and `bare` is the digest alone.
   */
  readonly format: 'gnu' | 'bsd' | 'bare'
  readonly algorithm: 'sha256' | 'sha512'
}

/** What each of them means is said in docs/images.md. */
export type Quirk = 'uefi' | 'no systemd' | 'selinux' | 'x86-64-v2' | 'x86-64-v3'
