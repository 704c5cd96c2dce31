import type { Credentials } from './credentials.ts'
import type { Config } from './merge-config.ts'

export interface SeedNic {
  readonly macAddress: string
  /** Static, each with the length of its prefix: `192.168.100.224/24`, `fd00:100::c0a8:64e0/64`. */
  readonly addresses: readonly string[]
  /** Whether it asks for its IPv4 address. @default false */
  readonly dhcp?: boolean
  /** The default gateway; with DHCP it is leased instead. */
  readonly router?: string
  readonly nameServer?: string
  /** Bytes. @default 1500 */
  readonly mtu?: number
}

/** Everything that a guest learns from its seed. */
export interface SeedInput {
  readonly hostname: string
  /** cloud-init does its per-instance work again when this changes. */
  readonly instanceId: string
  /** Its network cards, in the order of QEMU's command line. */
  readonly nics: readonly SeedNic[]
  /** Whether the guest's own files say who knows names: it has no program that would. @default false */
  readonly isPlain?: boolean
  readonly credentials: Credentials
  /** The user's own cloud-config, merged over ours. */
  readonly cloudConfig: Config
}
