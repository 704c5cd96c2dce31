import type { Digest } from '../../options/image.ts'

/** Where a vendor's release is, and its digest. */
export interface Entry {
  /** One build. */
  readonly pinned?: { readonly url: string; readonly digest: Digest }
  /** The newest build, under a name that does not change. */
  readonly latest?: Latest
  /** How it differs from others, as far as guests are concerned. */
  readonly quirks?: readonly Quirk[]
}

export interface Latest {
  readonly url: string
  /** The file with its digest. */
  readonly checksums: string
  /**
   * The format of that file: `gnu` is `DIGEST  NAME` (sha256sum), `bsd` is `SHA256 (NAME) = DIGEST` (sha256sum --tag), with or
   * without a PGP signature around it, and `bare` is the digest alone.
   */
  readonly format: 'gnu' | 'bsd' | 'bare'
  readonly algorithm: 'sha256' | 'sha512'
}

/** docs/images.md says what each of them means. */
export type Quirk = 'uefi' | 'no systemd' | 'selinux' | 'x86-64-v2' | 'x86-64-v3'
