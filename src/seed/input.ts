import type { Credentials } from './credentials.ts'
import type { Config } from './merge-config.ts'

/** Everything that a guest learns from its seed. */
export interface SeedInput {
  readonly hostname: string
  /** cloud-init does its per-instance work again when this changes. */
  readonly instanceId: string
  readonly macAddress: string
  /** Static IPv4 address. */
  readonly address: string
  /** Length of the subnet's prefix, e.g. 24. */
  readonly prefix: number
  readonly credentials: Credentials
  /** The user's own cloud-config, merged over ours. */
  readonly cloudConfig: Config
}
