import type { Network } from '../../network/network.ts'

/** Options of an additional network card of a guest. */
export interface InterfaceOptions {
  /** An open network. @default the guest's own */
  network?: Network
  /** Its static IPv4 address there, or false for a card that is up without one. @default as for `address` of a guest on that network */
  address?: string | false
  /** Its hardware address. @default as for `macAddress` of a guest */
  macAddress?: string
}

/** A network card of a guest. */
export interface Interface {
  /** What the guest called it when it was ready: `ens3`, `enp0s3` or `eth0`, by the habits of its distribution. */
  readonly name: string
  readonly network: Network
  /** Undefined for a card without one. */
  readonly address: string | undefined
  readonly macAddress: string
}
